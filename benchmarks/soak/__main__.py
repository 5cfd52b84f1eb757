"""`python -m benchmarks.soak [--minutes M]`: mixed traffic at half capacity; status 1 if anything grows."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import sheet
from benchmarks.beside import beside, sampled
from benchmarks.soak import report, traffic
from benchmarks.soak.report import Minute, Result
from benchmarks.soak.sample import Sampler
from benchmarks.stream import machine, models
from benchmarks.stream.bench import stamp
from benchmarks.stream.generator import Generator
from benchmarks.stream.publication import publish
from benchmarks.stream.report import MARKDOWN
from benchmarks.stream.run import BUILD
from pointsman.client import Client
from pointsman.localstack.stack import Stack

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "soak.json"
SAMPLE_S, CONTROL_S, MINUTE_S = 2.0, 20.0, 60
FIRST_S, CAPACITY_S, INFLIGHT = 10.0, 5.0, 200
SHARE, PEOPLE = 0.5, 0.1  # of the capacity; and of that the interactive lane
SETTLE_S: Final = 60.0
WHOLE_MINUTES: Final = 60  # a shorter run writes no files


async def measure(folder: Path, minutes: int, warmup_s: float, console: Console) -> Result:
    """Measure the capacity, then send half of it and look."""
    async with Stack(folder / "stack") as stack:
        await publish(stack.kafka, traffic.specs(folder))
        generator, bulk = Generator(stack.kafka, BUILD), traffic.stream(folder)
        busy = await asyncio.to_thread(generator.run, bulk, INFLIGHT, FIRST_S, CAPACITY_S)
        console.print(f"capacity {busy.rps:,.0f}/s at {INFLIGHT} in flight")
        with traffic.Apart(stack.kafka) as ledger, closing(Sampler(stack, ledger)) as sampler:
            trickle = traffic.Trickle(ledger, random.Random(minutes))
            trickle.start()
            try:
                async with sampled(sampler.take, SAMPLE_S) as samples, beside(_shift(stack.kafka)):
                    done = [
                        await _minute(generator, folder, busy.rps * SHARE, number, console)
                        for number in range(minutes)
                    ]
            finally:
                trickle.stop()
            await asyncio.to_thread(ledger.wait, SETTLE_S)
            return Result(
                capacity=busy.rps,
                samples=samples,
                minutes=done,
                warmup_s=warmup_s,
                accepted=len(ledger.accepted),
                missing=sorted(ledger.missing())[:20],
                restarts=stack.restarts(),
                machine=machine.facts(),
                at=stamp(),
            )


async def _minute(generator: Generator, folder: Path, rate: float, number: int, console: Console) -> Minute:
    deadline = traffic.DEADLINE_MS / 1000
    lanes = ((traffic.stream(folder), 1 - PEOPLE), (traffic.people(folder), PEOPLE))
    runs = await asyncio.gather(
        *(
            asyncio.to_thread(generator.run_open, lane, [(rate * share, MINUTE_S)], deadline)
            for lane, share in lanes
        )
    )
    stream, people = (run.phases[0] for run in runs)
    both = (stream, people)
    minute = Minute(
        at_s=number * float(MINUTE_S),
        answered=sum(span.answered + span.late for span in both),
        refused=sum(span.refused for span in both),
        failed=sum(span.failed for span in both),
        lost=sum(run.lost for run in runs),
        stream_p99_ms=stream.p99_ms,
        people_p99_ms=people.p99_ms,
    )
    console.print(f"minute {number + 1}: {minute.answered:,} answered, p99 {minute.stream_p99_ms:.0f} ms")
    return minute


async def _shift(kafka: str) -> None:
    """Change weights now and then."""
    async with Client(kafka) as client:
        for number in range(10**6):
            await asyncio.sleep(CONTROL_S)
            await client.control({"model": models.MODEL, "split": {"1": 1 + number % 9, "2": 1}})


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description="Mixed traffic at half capacity; does anything grow?")
    parser.add_argument("--minutes", type=int, default=WHOLE_MINUTES)
    parser.add_argument("--warmup", type=float, default=None, help="seconds; absent: a quarter of the run")
    arguments = parser.parse_args()
    warmup = arguments.minutes * MINUTE_S / 4 if arguments.warmup is None else arguments.warmup
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pointsman-soak-") as folder:
        result = asyncio.run(measure(Path(folder), arguments.minutes, warmup, console))
    told = report.sheet(result)
    told.show(console)
    if arguments.minutes >= WHOLE_MINUTES:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)
    sys.exit(0 if result.is_sound else 1)


if __name__ == "__main__":
    main()
