"""Turns between processes."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid

import pytest

from pointsman.runtimes import turn as turns
from pointsman.runtimes.turn import turn

HOLD = """
import sys
from pointsman.runtimes.turn import turn
with turn(sys.argv[1], 1):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(what: str) -> subprocess.Popen[str]:
    """Return a process that holds the turn until its input ends."""
    command = [sys.executable, "-c", HOLD, what]
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_turn_is_free_again_when_its_holder_is_killed() -> None:
    what = uuid.uuid4().hex
    process = holder(what)
    process.kill()
    process.communicate()
    begun = time.monotonic()
    with turn(what, 1):
        assert time.monotonic() - begun < turns.PATIENCE_S / 2


def test_who_has_waited_long_goes_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_S", 0.2)
    what = uuid.uuid4().hex
    process = holder(what)
    begun = time.monotonic()
    with turn(what, 1):
        assert time.monotonic() - begun >= 0.2
    with turn(what, 2):
        assert time.monotonic() - begun < 0.6
    process.communicate("")
