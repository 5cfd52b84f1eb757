"""A stack's folder: where it is and who owns it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.errors import StackError
from pointsman.localstack import home as homes
from pointsman.localstack import record
from pointsman.localstack.detached import purge
from pointsman.localstack.home import Home
from pointsman.localstack.record import ChildRecord, StackRecord


def test_the_environment_names_the_home() -> None:
    assert homes.find(environ={"POINTSMAN_HOME": "/x y"}).path == Path("/x y")


def test_a_name_wins_over_the_environment() -> None:
    environ = {"POINTSMAN_HOME": "/x", "HOME": "/h"}
    assert homes.find("second", environ).path == Path("/h/.pointsman/second")


def test_the_default_home_is_in_the_users_folder() -> None:
    assert homes.find(environ={"HOME": "/h"}).path == Path("/h/.pointsman/default")


def test_a_name_with_a_slash_is_refused() -> None:
    with pytest.raises(StackError, match="no name"):
        homes.find("../etc")


def test_only_one_process_holds_a_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    lock = home.lock()
    assert home.is_locked()
    with pytest.raises(StackError, match="runs in"):
        home.lock()
    lock.close()
    assert not home.is_locked()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from pointsman.localstack.home import Home;"
        "lock = Home(pathlib.Path(sys.argv[1])).lock(); print('held', flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert Home(tmp_path).is_locked()
        process.kill()
    assert not Home(tmp_path).is_locked()


def test_a_home_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="cannot be written"):
        Home(tmp_path / "file" / "home").create()


def test_a_purge_leaves_foreign_files_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    home.lock().close()
    (home.path / "my-notes.txt").write_text("mine")
    purge(home)
    assert [path.name for path in home.path.iterdir()] == ["my-notes.txt"]


def test_a_purge_removes_a_home_of_its_own(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    purge(home)
    assert not home.path.exists()


def stack_record(supervisor: int) -> StackRecord:
    children = {"kafka": ChildRecord(1, 2, 3, "ready")}
    started = record.start_ticks(supervisor)
    return StackRecord(supervisor, started, "k:1", "r", "", phase="ready", children=children)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    home = Home(tmp_path)
    record.save(home, stack_record(os.getpid()))
    assert record.running(home) == stack_record(os.getpid())


def test_a_record_of_another_process_with_that_pid_is_stale(tmp_path: Path) -> None:
    home = Home(tmp_path)
    stale = stack_record(os.getpid())
    stale.supervisor_started -= 1
    record.save(home, stale)
    with pytest.raises(StackError, match="no stack runs"):
        record.running(home)


def test_half_a_record_is_none(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.state.write_text('{"supervisor": 1')
    assert record.load(home) is None


def test_a_process_that_is_gone_has_no_start() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert record.start_ticks(process.pid) == 0
