"""`python -m benchmarks.overload [--seconds S]`: twice the capacity; status 1 if a goal is missed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks import sheet
from benchmarks.overload import report
from benchmarks.overload.report import Result
from benchmarks.stream import machine, models
from benchmarks.stream.bench import stamp
from benchmarks.stream.generator import Generator
from benchmarks.stream.publication import publish
from benchmarks.stream.report import MARKDOWN
from benchmarks.stream.run import BUILD
from pointsman.localstack.stack import Stack
from pointsman.pb.v1 import inference_pb2 as pb

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "overload.json"
# A pass of 20 ms for at most so many rows: it can do no more than 1,200 a second.
ROWS, PASS_MS = 24, 20
# A deadline as a person who waits has it.
DEADLINE_MS: Final = 1_000
FIRST_S, CAPACITY_S, NORMAL_S = 10.0, 10.0, 15
# So many in flight keep the model busy all the time.
BUSY_INFLIGHT: Final = 240
NORMAL, OVERLOAD = 0.5, 2.0


def slow(folder: Path) -> dict[str, Any]:
    """Write the artifact and return the model."""
    version = models.version(models.artifact(folder, 1), "slow", wait_ms=str(PASS_MS))
    return models.single(models.SLOW, {**version, "max_batch": ROWS})


async def measure(folder: Path, seconds: int) -> Result:
    """Measure the capacity, then send half of it, twice of it, and half again."""
    stream = models.body(folder / "stream.bin")
    someone = models.body(folder / "interactive.bin", lane=pb.LANE_INTERACTIVE, timeout_ms=DEADLINE_MS)
    async with Stack(folder / "stack") as stack:
        await publish(stack.kafka, [slow(folder)])
        generator = Generator(stack.kafka, BUILD)
        busy = await asyncio.to_thread(
            generator.run, models.traffic(models.SLOW, payload=stream), BUSY_INFLIGHT, FIRST_S, CAPACITY_S
        )
        normal = (NORMAL * busy.rps, NORMAL_S)
        phases = [normal, (OVERLOAD * busy.rps, seconds), normal]
        opened = await asyncio.to_thread(
            generator.run_open, models.traffic(models.SLOW, payload=someone), phases, DEADLINE_MS / 1000
        )
        restarts = stack.restarts()
    return Result(busy.rps, DEADLINE_MS, opened, restarts, machine.facts(), stamp())


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Twice the capacity, open loop, interactive lane.")
    parser.add_argument("--seconds", type=int, default=120, help="of overload; less than 120 writes no file")
    seconds = parser.parse_args().seconds
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pointsman-overload-") as folder:
        result = asyncio.run(measure(Path(folder), seconds))
    told = report.sheet(result)
    told.show(console)
    if seconds >= 120:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)
    sys.exit(0 if result.is_met else 1)


if __name__ == "__main__":
    main()
