"""`python -m benchmarks.neighbours [--only KIND]`: trouble in the pod; status 1 if a neighbour notices.

Pairs of a quiet window and a troubled one are measured in turn, at a fixed rate.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from safetensors.numpy import save_file

from benchmarks import sheet
from benchmarks.beside import beside, sampled
from benchmarks.chaos.run import importable
from benchmarks.neighbours import report
from benchmarks.neighbours.models import write
from benchmarks.neighbours.report import KINDS, Pair, Result
from benchmarks.neighbours.trouble import Deadly, Loads, Trouble
from benchmarks.stream import machine, models
from benchmarks.stream.bench import stamp
from benchmarks.stream.generator import Generator, Opened
from benchmarks.stream.processes import children
from benchmarks.stream.publication import publish
from benchmarks.stream.report import MARKDOWN
from benchmarks.stream.run import BUILD
from pointsman.client import Client
from pointsman.localstack.stack import Stack

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "neighbours.json"
RATE: Final = 200.0
PAIRS, SECONDS, QUICK_S = 5, 60, 10
WARMUP_S: Final = 20.0
DEADLINE_S: Final = 1.0
SAMPLE_S: Final = 0.2


class Bench:
    """The neighbour's traffic on a running stack, with trouble beside it now and then."""

    def __init__(self, stack: Stack, folder: Path, client: Client, console: Console) -> None:
        self._client = client
        self._console = console
        self._generator = Generator(stack.kafka, BUILD)
        self._traffic = models.traffic(models.SMALL[0], payload=models.body(folder / "request.bin"))

    async def pairs(self, trouble: Trouble, count: int, seconds: int) -> list[Pair]:
        """Measure pairs of windows of so many seconds."""
        await trouble.prepare(self._client)
        await asyncio.to_thread(self._generator.run, self._traffic, 20, WARMUP_S, 1.0)
        return [await self._pair(trouble, seconds) for _ in range(count)]

    async def _pair(self, trouble: Trouble, seconds: int) -> Pair:
        quiet = await self._window(seconds)
        before = trouble.count
        async with beside(trouble.go_on(self._client)):
            troubled = await self._window(seconds)
        pair = Pair(
            kind=trouble.name,
            seconds=seconds,
            count=trouble.count - before,
            quiet=quiet.phases[0],
            troubled=troubled.phases[0],
            lost=quiet.lost + troubled.lost,
        )
        self._console.print(f"{trouble.name}, {pair.count} times: p99 {pair.ratio:.2f} times what it was")
        return pair

    async def _window(self, seconds: int) -> Opened:
        return await asyncio.to_thread(self._generator.run_open, self._traffic, [(RATE, seconds)], DEADLINE_S)


async def measure(folder: Path, kinds: Sequence[str], count: int, seconds: int, console: Console) -> Result:
    """Measure the pairs of each kind on one stack, whose only pod holds all models."""
    perilous, heavy = folder / "perilous.safetensors", folder / "heavy.safetensors"
    save_file({"weight": np.eye(4, dtype=np.float32)}, perilous)
    write(heavy)
    troubles: list[Trouble] = [Deadly("hangs", perilous), Loads(heavy), Deadly("crashes", perilous)]
    with importable():
        async with Stack(folder / "stack") as stack, Client(stack.kafka) as client:
            await publish(
                stack.kafka, [models.single(models.SMALL[0], models.version(models.artifact(folder, 1)))]
            )
            bench = Bench(stack, folder, client, console)
            pod = stack.record.children["pod-default"].pid
            pairs: list[Pair] = []
            async with sampled(lambda: children(pod), SAMPLE_S) as workers:
                for trouble in troubles:
                    if trouble.name in kinds:
                        pairs += await bench.pairs(trouble, count, seconds)
            seen = {worker for sample in workers for worker in sample}
            return Result(pairs, stack.restarts(), len(seen) - 1, machine.facts(), stamp())


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="A model that hangs, loads or crashes beside another.")
    parser.add_argument("--only", choices=KINDS, help="one kind of trouble; all take 33 minutes")
    parser.add_argument("--quick", action="store_true", help="seconds for minutes, one pair; writes no file")
    arguments = parser.parse_args()
    count, seconds = (1, QUICK_S) if arguments.quick else (PAIRS, SECONDS)
    kinds = [arguments.only] if arguments.only else list(KINDS)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pointsman-neighbours-") as folder:
        result = asyncio.run(measure(Path(folder), kinds, count, seconds, console))
    told = report.sheet(result)
    told.show(console)
    if not arguments.quick and not arguments.only:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)
    sys.exit(0 if result.is_met else 1)


if __name__ == "__main__":
    main()
