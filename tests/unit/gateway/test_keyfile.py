"""The file of keys as the command changes it."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from pointsman.errors import SettingsError
from pointsman.gateway import keyfile
from tests.unit.gateway.keys import key


def test_keys_come_back_in_the_order_in_which_they_were_added(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    for name in ("grace", "ada"):
        keyfile.add(file, key(name))
    assert keyfile.read(file) == (key("grace"), key("ada"))


def test_the_file_is_its_owners_alone_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    file.touch(mode=0o644)
    keyfile.add(file, key("ada"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_reader_that_has_the_old_file_open_still_reads_all_of_it(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    keyfile.add(file, key("ada"))
    before = file.read_bytes()
    with file.open("rb") as reader:
        keyfile.remove(file, "ada")
        assert reader.read() == before
    assert file.read_bytes() == b""


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link = tmp_path / "keys.jsonl"
    link.symlink_to(tmp_path / "real.jsonl")
    keyfile.add(link, key("ada"))
    assert link.is_symlink()
    assert keyfile.read(tmp_path / "real.jsonl") == (key("ada"),)


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    keyfile.add(file, key("ada"))
    with pytest.raises(SettingsError, match="a key named ada exists"):
        keyfile.add(file, key("ada", rate=5))
    assert keyfile.read(file) == (key("ada"),)


def test_a_name_that_is_not_there_is_refused(tmp_path: Path) -> None:
    keyfile.add(tmp_path / "keys.jsonl", key("ada"))
    with pytest.raises(SettingsError, match="no key is named 'bob'"):
        keyfile.remove(tmp_path / "keys.jsonl", "bob")


def test_a_broken_file_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    file.write_bytes(b"{broken\n")
    with pytest.raises(SettingsError, match=r"keys.jsonl, line 1: "):
        keyfile.add(file, key("ada"))
    assert file.read_bytes() == b"{broken\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "keys.jsonl"
    keyfile.add(file, key("ada"))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        keyfile.remove(file, "ada")
    monkeypatch.undo()
    assert keyfile.read(file) == (key("ada"),)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("place", ["nowhere/keys.jsonl", "."])
def test_a_place_that_takes_no_file_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(SettingsError, match=r"keys file .*: (No such file|Is a directory)"):
        keyfile.add(tmp_path / place, key("ada"))


def test_commands_that_run_at_once_lose_no_key(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    added = [key(f"k{number}") for number in range(12)]
    threads = [threading.Thread(target=keyfile.add, args=(file, one)) for one in added]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.name for one in keyfile.read(file)) == sorted(one.name for one in added)
