from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from benchmarks.stream import processes

# A parent whose child spins until its input ends, so that nothing outlives the test.
SPIN = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
while True:
    pass
"""
PARENT = "import subprocess,sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


@pytest.fixture
def spinner() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", PARENT, SPIN], stdin=subprocess.PIPE)
    yield process
    process.communicate()


def spends(account: processes.Account, seconds: float, patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if account.spent()["spinner"] > seconds:
            return True
    return False


def test_the_time_of_a_child_counts_for_its_parent(spinner: subprocess.Popen[bytes]) -> None:
    assert spends(processes.Account({"spinner": spinner.pid}), 0.1, 30)


def test_a_stopped_tree_spends_nothing_and_goes_on_after(spinner: subprocess.Popen[bytes]) -> None:
    assert spends(processes.Account({"spinner": spinner.pid}), 0.1, 30)  # both processes are there

    with processes.stopped([spinner.pid]):
        assert not spends(processes.Account({"spinner": spinner.pid}), 0.1, 0.5)

    assert spends(processes.Account({"spinner": spinner.pid}), 0.1, 30)


def test_memory_counts_the_whole_tree(spinner: subprocess.Popen[bytes]) -> None:
    assert spends(processes.Account({"spinner": spinner.pid}), 0.1, 30)
    parent, child = processes.tree(spinner.pid)

    assert processes.memory_bytes(parent) > processes.memory_bytes(child) > 2**20


def test_a_process_that_is_gone_costs_nothing() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()

    assert processes.tree(done.pid) == []
    assert processes.memory_bytes(done.pid) == 0
    assert processes.cpu_seconds(done.pid) == 0.0
