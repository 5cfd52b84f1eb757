"""`python -m benchmarks.outage [--only KIND]`: a model that waits for minutes; status 1 if others do too.

Pairs of a quiet window and one with trouble are measured in turn; the last trouble lasts ten minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import sheet
from benchmarks.chaos.run import importable
from benchmarks.outage import report
from benchmarks.outage.report import KINDS, Pair, Result
from benchmarks.outage.trouble import PODS, Load, Outage, Trouble
from benchmarks.stream import machine, models
from benchmarks.stream.bench import stamp
from benchmarks.stream.generator import Generator, Opened
from benchmarks.stream.publication import publish
from benchmarks.stream.report import MARKDOWN
from benchmarks.stream.run import BUILD
from pointsman.localstack.stack import Stack

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "outage.json"
SMALL: Final = models.SMALL[:5]
# Requests a second, of the others together and of the model that waits.
RATE, WAITING = 200.0, 20.0
QUIET_S, LONG_S = 60, 600
WARMUP_S, AFTER_S = 20.0, 20
DEADLINE_S: Final = 1.0


class Bench:
    """Others' traffic on a running stack, with trouble beside it now and then."""

    def __init__(self, stack: Stack, folder: Path, console: Console) -> None:
        self._generator = Generator(stack.kafka, BUILD)
        self._payload = models.body(folder / "request.bin")
        self._console = console
        self._small = models.traffic(*SMALL, payload=self._payload)

    async def pairs(self, trouble: Trouble, seconds: Sequence[int]) -> list[Pair]:
        """Measure a pair for each length of the trouble."""
        await trouble.prepare()
        await asyncio.to_thread(self._generator.run, self._small, 20, WARMUP_S, 1.0)
        return [await self._pair(trouble, length) for length in seconds]

    async def _pair(self, trouble: Trouble, length: int) -> Pair:
        quiet = await self._others(min(QUIET_S, length))
        # The trouble ends before the requests of its model do.
        async with asyncio.TaskGroup() as group, trouble.lasting(length) as model:
            waiting = group.create_task(self._waiting(model, length))
            troubled = await self._others(length)
        opened = waiting.result()
        pair = Pair(
            kind=trouble.name,
            seconds=length,
            quiet=quiet.phases[0],
            troubled=troubled.phases[0],
            waiting=opened.phases[0],
            lost=quiet.lost + troubled.lost + opened.lost,
        )
        self._console.print(f"{trouble.name}, {length} s: others' p99 {pair.ratio:.2f} times what it was")
        return pair

    async def _others(self, seconds: int) -> Opened:
        phases = [(RATE, seconds)]
        return await asyncio.to_thread(self._generator.run_open, self._small, phases, DEADLINE_S)

    async def _waiting(self, model: str, seconds: int) -> Opened:
        own = models.traffic(model, payload=self._payload, reply_key=model)
        phases = [(WAITING, seconds + AFTER_S)]
        return await asyncio.to_thread(self._generator.run_open, own, phases, DEADLINE_S)


async def measure(folder: Path, kinds: Sequence[str], seconds: Sequence[int], console: Console) -> Result:
    """Measure the pairs of each kind on one stack."""
    with importable():
        async with Stack(folder / "stack", pods=PODS) as stack:
            await publish(stack.kafka, models.specs(folder)[1 : 1 + len(SMALL)])
            bench = Bench(stack, folder, console)
            troubles: list[Trouble] = [Outage(stack, folder), Load(stack, folder)]
            pairs = [
                pair
                for trouble in troubles
                if trouble.name in kinds
                for pair in await bench.pairs(trouble, seconds)
            ]
            return Result(pairs, stack.restarts(), machine.facts(), stamp())


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="A model that waits for minutes beside others.")
    parser.add_argument("--only", choices=KINDS, help="one kind of trouble; both take 33 minutes")
    parser.add_argument("--quick", action="store_true", help="seconds for minutes; writes no file")
    arguments = parser.parse_args()
    seconds = [10, 10, 10] if arguments.quick else [QUIET_S] * 4 + [LONG_S]
    kinds = [arguments.only] if arguments.only else list(KINDS)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pointsman-outage-") as folder:
        result = asyncio.run(measure(Path(folder), kinds, seconds, console))
    told = report.sheet(result)
    told.show(console)
    if not arguments.quick and not arguments.only:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)
    sys.exit(0 if result.is_met else 1)


if __name__ == "__main__":
    main()
