"""`python -m benchmarks.footprint [--requests N]`: wrk asks a gateway; status 1 if its memory grows."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import sheet
from benchmarks.beside import sampled
from benchmarks.doors import wrk
from benchmarks.doors.forms import oip
from benchmarks.doors.ours import SETTINGS
from benchmarks.footprint import report
from benchmarks.footprint.report import Result, Sample
from benchmarks.stream import machine, models, processes
from benchmarks.stream.bench import stamp
from benchmarks.stream.publication import publish
from benchmarks.stream.report import MARKDOWN
from pointsman.localstack.assembly import Plan
from pointsman.localstack.stack import Stack

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "footprint.json"
REQUESTS, QUICK_REQUESTS = 1_000_000, 60_000
CONNECTIONS, ROUND_S, SAMPLE_S = 256, 20.0, 2.0
# Heaps, buffers and the code of all paths are as large as they get after so many requests.
FIRST_REQUESTS: Final = 100_000


async def measure(folder: Path, requests: int, console: Console) -> Result:
    """Ask all models in turn until so many requests are answered after the first ones."""
    form, asked = oip(), folder / "body.json"
    asked.write_bytes(form.body)
    paths = form.paths((*models.SMALL, models.MODEL))
    async with Stack(folder / "stack", plan=Plan(gateways=1, settings=SETTINGS)) as stack:
        await publish(stack.kafka, models.specs(folder)[:-1])

        async def rounds(aim: int) -> list[wrk.Run]:
            done: list[wrk.Run] = []
            while (answered := sum(run.answered for run in done)) < aim:
                if done:
                    console.print(f"{answered:,} of {aim:,}, {done[-1].rate:,.0f}/s")
                done.append(
                    await asyncio.to_thread(wrk.run, stack.record.http, asked, paths, CONNECTIONS, ROUND_S)
                )
            return done

        def sample() -> Sample:
            return Sample(time.monotonic(), processes.memory_mib(stack.record.children))

        await rounds(min(FIRST_REQUESTS, requests // 10))
        async with sampled(sample, SAMPLE_S) as samples:
            done = await rounds(requests)
        return Result(
            samples=samples,
            answered=sum(run.answered for run in done),
            refused=sum(run.refused for run in done),
            broken=sum(run.broken for run in done),
            restarts=stack.restarts(),
            machine=machine.facts(),
            at=stamp(),
        )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="The memory of a gateway over many requests.")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_REQUESTS:,} requests; writes no files")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pointsman-footprint-") as folder:
        requests = QUICK_REQUESTS if arguments.quick else arguments.requests
        result = asyncio.run(measure(Path(folder), requests, console))
    told = report.sheet(result)
    told.show(console)
    if not arguments.quick:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)
    sys.exit(0 if result.is_flat else 1)


if __name__ == "__main__":
    main()
