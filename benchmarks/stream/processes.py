"""Processes and all below them: what they cost, read from /proc, and how they are stopped for a while."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pointsman.localstack.record import ChildRecord

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


class Account:
    """CPU seconds spent since the account was opened, by the name of the process."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {name: sum(map(cpu_seconds, tree(pid))) for name, pid in self._pids.items()}

    def spent(self) -> dict[str, float]:
        """Return the CPU seconds spent until now. A process that died meanwhile counts from 0."""
        now = self._now()
        return {name: max(0.0, now[name] - before) for name, before in self._before.items()}


def tree(pid: int) -> list[int]:
    """Return `pid` and its descendants; empty where it is gone."""
    found = [pid] if Path(f"/proc/{pid}").exists() else []
    for parent in found:
        found.extend(children(parent))
    return found


def children(pid: int) -> list[int]:
    """Return the processes that `pid` started and that live."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found.extend(map(int, path.read_text().split()))
        except OSError:
            continue  # the thread or process ended between listing and reading
    return found


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process, 0 where it is gone."""
    try:
        # The command in parentheses may hold spaces; the fields after it are fixed (see proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def memory_bytes(pid: int) -> int:
    """Return the proportional set size of a process and its descendants: shared pages count by share."""
    return sum(map(_pss, tree(pid)))


def memory_mib(children: Mapping[str, ChildRecord]) -> dict[str, float]:
    """Return the proportional set size of each part of a stack, in MiB."""
    return {name: memory_bytes(child.pid) / 2**20 for name, child in children.items()}


def own_bytes(pid: int) -> int:
    """Return the memory that is a process's own, so that nobody's coming or going changes it."""
    return _rolled_up(pid, "Anonymous:")


def _pss(pid: int) -> int:
    return _rolled_up(pid, "Pss:")


def _rolled_up(pid: int, kind: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(kind)), 0)


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """Stop processes and all below them by SIGSTOP, and let them go on; those that are gone are no error."""
    found = [member for pid in pids for member in tree(pid)]
    try:
        _signal(found, signal.SIGSTOP)
        yield
    finally:
        _signal(found, signal.SIGCONT)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
