"""The bound of the pods' folder of artifacts, for many who ask at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from pointsman.stores.disk import Disk

MOST = 20


def test_of_many_who_claim_at_once_only_those_get_room_that_fit_together(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def asked(folder: Path, number: int) -> bool:
        disk, name = Disk(str(folder), MOST), f"{number}.onnx"
        lock = disk.lock(name, alone=True)
        assert lock is not None
        start.wait(20)
        has_room = disk.claim(5, name)
        start.wait(20)  # nobody lets go before all have asked
        lock.close()
        return has_room

    with ThreadPoolExecutor(8) as threads:
        for turn in range(40):
            folder = tmp_path / str(turn)
            folder.mkdir()
            assert sum(threads.map(asked, [folder] * 8, range(8))) == MOST // 5


def test_what_was_claimed_by_who_ended_without_a_word_is_free(tmp_path: Path) -> None:
    disk = Disk(str(tmp_path), MOST)
    left = disk.lock("left.onnx", alone=True)
    assert left is not None
    assert disk.claim(MOST, "left.onnx")
    assert not disk.claim(1, "next.onnx")
    left.close()  # as the kernel does for a process that dies
    assert disk.claim(MOST, "next.onnx")
    assert not (tmp_path / "left.onnx.lock").exists()


def test_an_artifact_that_came_counts_for_what_it_has_and_one_that_did_not_for_nothing(
    tmp_path: Path,
) -> None:
    disk = Disk(str(tmp_path), MOST)
    for name, came in (("a.onnx", True), ("b.onnx", False)):
        lock = disk.lock(name, alone=True)
        assert lock is not None
        with closing(lock):
            assert disk.claim(15, name)
            if came:
                disk.path(name).write_bytes(bytes(3))
            disk.settle(name, lock)
        assert (tmp_path / f"{name}.lock").exists() is came
    held = disk.lock("a.onnx", alone=False)
    assert held is not None
    with closing(held):
        assert disk.claim(17, "c.onnx")
        assert not disk.claim(18, "c.onnx")
