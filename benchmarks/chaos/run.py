"""One run: a stack, a steady load, faults by chance, and the ledger in the end."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from benchmarks.chaos import faults, load
from benchmarks.chaos.report import Blow, Result
from pointsman.client import Client
from pointsman.localstack.stack import Stack
from pointsman.testing.ledger import Ledger

T = TypeVar("T")

READY_S: Final = 120.0
BETWEEN_S: Final = (0.5, 3.0)
# A blow that nothing recovers from within this time ends the run.
PATIENCE_S: Final = 120.0
POLL_S: Final = 0.05
NEWEST: Final = 2_000  # finals that are looked through for the first after a blow


def run(
    folder: Path, seconds: float, rate: float, chance: random.Random, say: Callable[[str], None]
) -> Result:
    """Return what became of every accepted request while parts were killed and stopped for `seconds`."""
    with importable(), Stack(folder / "stack", pods=("default:2",)) as stack:
        asyncio.run(_publish(stack.kafka, folder))
        with Ledger(stack.kafka) as ledger:
            work = load.Load(ledger, rate)
            work.start()
            blows: list[Blow] = []
            try:
                _awaited(lambda: ledger.finals or None, "no first answer")
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    time.sleep(chance.uniform(*BETWEEN_S))
                    blows.append(_strike(stack, faults.draw(chance), ledger, work))
                    last = blows[-1]
                    say(f"{len(blows):4d} {last.name:<32} first answer after {last.seconds:.2f} s")
            finally:
                work.stop()
            ledger.wait(PATIENCE_S)
            stack.wait_ready()
            return Result(
                blows=blows,
                accepted=len(ledger.accepted),
                lost=sorted(ledger.missing()),
                wrong=sorted(set(work.wrong()) - ledger.missing()),
                repeats=ledger.repeats,
                seconds=seconds,
            )


def _strike(stack: Stack, fault: faults.Fault, ledger: Ledger, work: load.Load) -> Blow:
    """Strike, and return when a request sent after the blow is answered and all parts are back."""
    at_ms = faults.strike(stack, fault)

    def first_answer() -> int | None:
        newest = list(ledger.finals.values())[-NEWEST:]
        return min((one.written_ms for one in newest if work.sent_ms.get(one.id, 0) > at_ms), default=None)

    answered_ms = _awaited(first_answer, f"no answer after {fault.name}")
    stack.wait_ready(PATIENCE_S)
    return Blow(fault.name, fault.stop_s, (answered_ms - at_ms) / 1000)


def _awaited(probe: Callable[[], T | None], complaint: str) -> T:
    """Return what the probe finds once it finds something."""
    limit = time.monotonic() + PATIENCE_S
    while (found := probe()) is None:
        if time.monotonic() > limit:
            raise TimeoutError(f"{complaint} within {PATIENCE_S:.0f} s")
        time.sleep(POLL_S)
    return found


async def _publish(kafka: str, folder: Path) -> None:
    async with Client(kafka) as client:
        for spec in load.specs(folder):
            await client.apply(spec, timeout=READY_S)
            for version in spec["versions"]:
                await client.predict(spec["model"], {"x": load.row(1)}, version=version, timeout=READY_S)


@contextmanager
def importable() -> Iterator[None]:
    """Let the pods import what this process can: the models of the benchmarks."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [*sys.path, before]))
    try:
        yield
    finally:
        os.environ["PYTHONPATH"] = before
