"""What is done to the system: kills and stops of its processes, alone and in pairs."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from typing import Final

import msgspec

from benchmarks.stream import processes
from pointsman.localstack.stack import Stack

KILLED: Final = ("router", "pod-default", "engine", "kafka", "redis")
STOPPED: Final = ("router", "pod-default", "engine", "kafka")
STOP_S: Final = (1.0, 8.0)
PAIRS: Final = 0.25  # share of faults that hit two parts at once


class Fault(msgspec.Struct, frozen=True):
    """One blow. `stop_s` is 0 for SIGKILL, else how long SIGSTOP holds."""

    parts: tuple[str, ...]
    stop_s: float = 0.0

    @property
    def name(self) -> str:
        """What was done, without how long."""
        return f"{'SIGSTOP' if self.stop_s else 'SIGKILL'} {' + '.join(self.parts)}"


def draw(chance: random.Random) -> Fault:
    """Return a fault by chance."""
    if chance.random() < PAIRS:
        return Fault(tuple(sorted(chance.sample(KILLED, 2))))
    if chance.random() < 0.5:
        return Fault((chance.choice(KILLED),))
    return Fault((chance.choice(STOPPED),), chance.uniform(*STOP_S))


def strike(stack: Stack, fault: Fault) -> int:
    """Do it; return the moment from which recovery counts, in milliseconds of the machine's clock."""
    present = [part for part in fault.parts if part in stack.record.children]
    if not fault.stop_s:
        at_ms = time.time_ns() // 1_000_000
        for part in present:
            stack.kill(part)
        return at_ms
    held = [pid for part in present for pid in processes.tree(stack.record.children[part].pid)]
    try:
        _signal(held, signal.SIGSTOP)
        time.sleep(fault.stop_s)
    finally:
        _signal(held, signal.SIGCONT)
    return time.time_ns() // 1_000_000


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
