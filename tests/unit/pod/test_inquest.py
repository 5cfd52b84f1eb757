from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.errors import SettingsError
from pointsman.pod import inquest
from pointsman.pod.inquest import Inquest
from pointsman.runtimes.base import Key
from pointsman.runtimes.journal import Journal
from pointsman.runtimes.quarantine import Quarantine

PASSING, LOADING, IDLE = Key("digits", "1", 3), Key("digits", "2", 3), Key("fraud", "1", 1)
PID = os.getpid()


@pytest.fixture
def left(tmp_path: Path) -> None:
    """Leave a journal in the folder."""
    leave(tmp_path)


def leave(folder: Path) -> Journal:
    made = Journal(str(folder))
    made.claim(PASSING).passing()
    made.claim(LOADING).loading()
    made.claim(IDLE)
    return made


def held(folder: Path) -> set[Key]:
    quarantine = Quarantine(str(folder))
    return {key for key in (PASSING, LOADING, IDLE) if quarantine.holds(key)}


@pytest.mark.parametrize("status", [-signal.SIGSEGV, -signal.SIGABRT, 0, 1, 75, 78])
def test_a_worker_that_ends_itself_is_suspected_of_all_that_it_was_at(tmp_path: Path, status: int) -> None:
    asked = Inquest(str(tmp_path), 20)
    leave(tmp_path)
    assert asked.hold(PID, status)
    assert held(tmp_path) == {PASSING, LOADING}
    assert list(tmp_path.glob("*.journal")) == []


def test_a_kill_from_outside_is_suspect_at_the_second_time_only(tmp_path: Path) -> None:
    asked = Inquest(str(tmp_path), 20)
    for expected in (set[Key](), {PASSING}):
        leave(tmp_path)
        assert asked.hold(PID, -signal.SIGKILL)
        assert held(tmp_path) == expected


@pytest.mark.usefixtures("left")
def test_a_journal_of_a_life_before_counts_as_a_kill(tmp_path: Path) -> None:
    Inquest(str(tmp_path), 20)
    assert held(tmp_path) == set()
    leave(tmp_path)
    Inquest(str(tmp_path), 20)
    assert held(tmp_path) == {PASSING}


def test_the_kernel_kills_for_want_of_memory_and_that_is_no_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Inquest(str(tmp_path), 20)
    leave(tmp_path)
    monkeypatch.setattr(inquest, "_oom_kills", lambda: 10**9)
    asked.hold(PID, -signal.SIGKILL)
    assert PASSING in held(tmp_path)


def test_who_is_told_to_stop_is_suspected_of_nothing(tmp_path: Path) -> None:
    asked = Inquest(str(tmp_path), 20)
    leave(tmp_path)
    asked.hold(PID, -signal.SIGTERM)
    assert held(tmp_path) == set()


def test_an_idle_worker_leaves_nobody_under_suspicion(tmp_path: Path) -> None:
    asked = Inquest(str(tmp_path), 20)
    Journal(str(tmp_path)).claim(IDLE)
    assert not asked.hold(PID, -signal.SIGSEGV)
    assert not asked.hold(PID + 1, 1)  # without a journal, as a router
    assert held(tmp_path) == set()


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    wanted = str(tmp_path / "journal")
    with inquest.folder(wanted) as first:
        assert first == wanted
        with pytest.raises(SettingsError, match="another pod's"), inquest.folder(wanted):
            pass
    with inquest.folder(wanted), inquest.folder("") as temporary:
        assert Path(temporary).is_dir()
    assert not Path(temporary).exists()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inquest:
    """Return one that looks often and has a patience of five looks."""
    monkeypatch.setattr(inquest, "LOOK_S", 0.02)
    return Inquest(str(tmp_path), 0.1)


@pytest.fixture
def worker(tmp_path: Path, asked: Inquest) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that is in a pass and whose loop does not beat."""
    code = f"""
import signal
from pointsman.runtimes.journal import Journal
made = Journal({str(tmp_path)!r})
made.claim(("digits", "1", 3)).passing()
print("there", flush=True)
signal.pause()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_worker_that_stands_still_in_a_pass_is_killed_and_its_version_held(
    tmp_path: Path, asked: Inquest, worker: subprocess.Popen[bytes]
) -> None:
    asyncio.run(asyncio.wait_for(asked.watch(worker.pid), 10))
    asked.hold(worker.pid, worker.wait())
    assert held(tmp_path) == {PASSING}


def test_a_worker_that_was_stopped_is_left_in_peace(asked: Inquest, worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(asked.watch(worker.pid), 1))
    assert worker.poll() is None


def test_a_worker_that_beats_or_is_idle_is_left_in_peace(
    tmp_path: Path, asked: Inquest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("nobody was to be killed"))

    async def story() -> None:
        made = Journal(str(tmp_path))
        mark = made.claim(PASSING)
        watch = asyncio.create_task(asked.watch(PID))
        await asyncio.sleep(0.3)  # the time that would be too long
        mark.passing()
        for _ in range(30):
            made.beat()
            await asyncio.sleep(0.01)
        assert not watch.done()
        watch.cancel()

    asyncio.run(story())


def test_while_a_version_is_loaded_the_patience_is_greater(
    tmp_path: Path, asked: Inquest, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _: kills.append(pid))
    leave(tmp_path)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(asked.watch(PID), 0.2))
    assert kills == []
    asyncio.run(asyncio.wait_for(asked.watch(PID), 10))
    assert kills == [PID]
