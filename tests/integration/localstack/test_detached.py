"""`pointsman up` and `down` as a person runs them, and what is left when they are cut short."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.localstack import record
from pointsman.localstack.assembly import USUAL
from pointsman.localstack.home import Home
from pointsman.localstack.ports import HOST

COMMAND = [sys.executable, "-c", "from pointsman.cli.main import app; app()"]


class Shell:
    """Runs the command in one home."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self.environment = {
            **os.environ,
            "POINTSMAN_HOME": str(home),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [*COMMAND, *arguments], env=self.environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, output and errors of a command."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=300)
        return process.returncode, output, errors

    def pids(self) -> list[int]:
        """Return the processes of this home that run: the supervisor, its children, their workers."""
        mark = f"POINTSMAN_HOME={self.home.path}".encode()
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in environment.read_bytes().split(b"\0"):
                    found.append(int(environment.parent.name))
            except OSError:
                continue
        return found

    def children(self) -> dict[str, record.ChildRecord]:
        """Return what stack.json says of the children."""
        current = record.load(self.home)
        return current.children if current else {}


def until(condition: Callable[[], Any], limit_s: float = 180) -> None:
    """Ask until the condition holds."""
    limit = time.monotonic() + limit_s
    between = threading.Event()
    while not condition():
        assert time.monotonic() < limit, "the condition never held"
        between.wait(0.05)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Give a shell in a home with a space, and leave nothing of it running."""
    made = Shell(tmp_path / "the home")
    yield made
    made.run("down", "--purge")
    until(lambda: not made.pids(), 60)


def test_up_and_down_as_a_user_runs_them(shell: Shell) -> None:
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            busy.bind((HOST, USUAL["kafka"]))
            busy.listen()
        except OSError:
            busy.close()  # somebody else keeps it busy, which is as good
        code, output, errors = shell.run("up", "--json")
        assert code == 0, errors
        ready = msgspec.json.decode(output, type=record.StackRecord)
        assert ready.children["kafka"].port != USUAL["kafka"]

    code, _, errors = shell.run("up")
    assert (code, "already" in errors) == (1, True)

    code, output, _ = shell.run("status", "--json")
    status = msgspec.json.decode(output)
    assert (code, status["phase"], status["restarts"]) == (0, "ready", 0)
    assert set(status["pools"]) == {"default"}

    code, output, errors = shell.run("checkpoint", "--json")
    assert code == 0, errors
    savepoint = msgspec.json.decode(output)["savepoint"]
    code, _, errors = shell.run("restore", str(shell.home.savepoints))
    assert (code, f"did you mean {savepoint}?" in errors.replace("\n", "")) == (1, True)

    # Killed outright, the supervisor can stop nobody: the kernel does.
    os.kill(ready.supervisor, signal.SIGKILL)
    until(lambda: not shell.pids(), 60)
    assert shell.run("status")[0] == 1

    code, output, errors = shell.run("restore", savepoint, "--parallelism", "2", "--json")
    assert (code, msgspec.json.decode(output)) == (0, {"restored": savepoint}), errors
    again = record.running(shell.home)
    assert (again.kafka, again.pods, again.parallelism) == (ready.kafka, ("default",), 2)

    code, output, _ = shell.run("down", "--purge", "--json")
    assert msgspec.json.decode(output) == {"stopped": True, "purged": True}
    assert shell.pids() == []
    assert not shell.home.path.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_up_that_is_cut_short_leaves_nothing(shell: Shell, number: signal.Signals) -> None:
    process = shell.start("up")
    until(lambda: "kafka" in shell.children() and shell.children()["kafka"].pid)
    process.send_signal(number)
    process.wait(120)
    process.communicate()
    until(lambda: not shell.pids(), 60)
    assert not shell.home.is_locked()


def test_up_in_the_foreground_ends_with_ctrl_c(shell: Shell) -> None:
    process = shell.start("up", "--foreground", "--json", "--pods", "")
    assert process.stdout is not None
    ready = msgspec.json.decode(process.stdout.readline(), type=record.StackRecord)
    assert ready.phase == "ready"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert shell.pids() == []
