"""`python -m benchmarks.swaps [--swaps N]`: versions take over under load; status 1 if a goal is missed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks import sheet
from benchmarks.chaos.run import importable
from benchmarks.stream import machine, models, processes
from benchmarks.stream.bench import stamp
from benchmarks.stream.generator import Generator
from benchmarks.stream.publication import publish
from benchmarks.stream.report import MARKDOWN
from benchmarks.stream.run import BUILD
from benchmarks.swaps import records, report
from benchmarks.swaps.reigns import Answer, Reign, wrong
from benchmarks.swaps.report import Result
from pointsman.client import Client
from pointsman.errors import StackError
from pointsman.localstack.stack import Stack

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "swaps.json"
SWAPS: Final = 500
RATE: Final = 2_000.0
PERIOD_S: Final = 0.5
FIRST_S, QUIET_S, DEADLINE_S = 10.0, 30, 10.0
FIRST_INFLIGHT: Final = 1_000
SHOWN: Final = 10  # wrong answers that are told one by one


class Successors:
    """Registers one version after the other, and notes when each took over."""

    def __init__(self, client: Client, events: AsyncIterator[dict[str, Any]], artifact: Path) -> None:
        self._client = client
        self._events = events
        self._artifact = artifact
        self.reigns: list[Reign] = []
        self.took_ms: list[int] = []

    async def crown(self, number: int) -> None:
        """Publish a version and return when it has the traffic. Raises StackError where it is refused."""
        sent_ms = time.time_ns() // 1_000_000
        command = {"model": models.MODEL, "register": {str(number): version(self._artifact, number)}}
        ack = await self._client.control(command, timeout=60)
        if not ack.ok:
            raise StackError(f"version {number} was refused: {ack.error}")
        reign = await self._reign(number)
        self.reigns.append(reign)
        self.took_ms.append(reign.since_ms - sent_ms)

    async def _reign(self, number: int) -> Reign:
        async for event in self._events:
            state = event.get("state") if event.get("version") == str(number) else ""
            if state == "FAILED":
                raise StackError(f"version {number} failed: {event.get('reason')}")
            if state == "READY":
                return Reign(str(number), event["epoch"], event["at_ms"])
        raise StackError("the events ended")


def version(artifact: Path, number: int) -> dict[str, Any]:
    """Return the description of a version."""
    options = {"number": str(number)}
    return {
        "uri": artifact.as_uri(),
        "runtime": "torch",
        "factory": "benchmarks.swaps.models:numbered",
        "options": options,
    }


async def swap(successors: Successors, swaps: int) -> None:
    """Swap at a steady pace, after the quiet time."""
    began = time.monotonic() + QUIET_S
    for index in range(swaps):
        await asyncio.sleep(max(0.0, began + index * PERIOD_S - time.monotonic()))
        await successors.crown(index + 2)


async def measure(folder: Path, swaps: int) -> Result:
    """Send at a steady rate, first undisturbed, then while versions take over; compare every answer."""
    artifact = models.artifact(folder, 1)
    async with Stack(folder / "stack") as stack, Client(stack.kafka) as client:
        successors = Successors(client, await client.events(), artifact)
        await publish(stack.kafka, [models.single(models.MODEL, version(artifact, 1))])
        await client.control({"model": models.MODEL, "policy": "latest(1)"}, timeout=60)
        generator = Generator(stack.kafka, BUILD)
        traffic = models.traffic(models.MODEL, payload=models.body(folder / "request.bin"))
        await asyncio.to_thread(generator.run, traffic, FIRST_INFLIGHT, 0, FIRST_S)
        before = pod_mib(stack)
        phases = [(RATE, QUIET_S), (RATE, round(swaps * PERIOD_S) + 2)]
        opened, _ = await asyncio.gather(
            asyncio.to_thread(generator.run_open, traffic, phases, DEADLINE_S), swap(successors, swaps)
        )
        memory, restarts = (before, pod_mib(stack)), stack.restarts()
        found, bad = await asyncio.to_thread(compared, stack.kafka, successors.reigns)
    return Result(
        swaps=swaps,
        opened=opened,
        took_ms=successors.took_ms,
        checked=len(found),
        wrong_count=len(bad),
        wrong=bad[:SHOWN],
        versions=len({answer.version for answer in found}),
        pod_mib=memory,
        restarts=restarts,
        machine=machine.facts(),
        at=stamp(),
    )


def compared(kafka: str, reigns: list[Reign]) -> tuple[list[Answer], list[str]]:
    """Return all answers, and what is wrong with which."""
    found = list(records.answers(kafka))
    bad = wrong(found, [Reign("1", 0, 0), *reigns], records.sent_ms(kafka))
    return found, [f"{answer.id}, version {answer.version}: {reason}" for answer, reason in bad]


def pod_mib(stack: Stack) -> float:
    """Return the memory of the pod in MiB."""
    return processes.memory_mib(stack.record.children)["pod-default"]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Versions take over from each other under a steady stream.")
    parser.add_argument("--swaps", type=int, default=SWAPS, help=f"less than {SWAPS} writes no file")
    swaps = parser.parse_args().swaps
    with importable(), tempfile.TemporaryDirectory(prefix="pointsman-swaps-") as folder:
        result = asyncio.run(measure(Path(folder), swaps))
    told = report.sheet(result)
    told.show(Console())
    for line in result.wrong:
        Console(stderr=True).print(line)
    if swaps >= SWAPS:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)
    sys.exit(0 if result.is_met else 1)


if __name__ == "__main__":
    main()
