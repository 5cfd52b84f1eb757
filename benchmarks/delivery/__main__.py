"""`python -m benchmarks.delivery [--quick]`: what exactly-once costs; see docs/delivery.md."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from benchmarks.stream import models, report
from benchmarks.stream.bench import QUICK, Bench, Pace, Side
from benchmarks.stream.generator import Generator
from benchmarks.stream.publication import publish
from benchmarks.stream.report import MARKDOWN
from benchmarks.stream.row import Row
from benchmarks.stream.run import BUILD, HERE, result
from pointsman.client import Client
from pointsman.localstack.stack import Stack
from pointsman.outputs import EXACTLY_ONCE
from pointsman.settings import Settings

JSON: Final = HERE / "results" / "delivery.json"
# The last is more than the job answers between two commits: there a reader of commits sees its full rate.
INFLIGHT: Final = (1, 1_000, 50_000)
PACE: Final = Pace(rounds=3, seconds=5.0, warmup=1.5, first=5.0)
LOOSE, STRICT = "loose", "strict"
MEANING: Final = {
    "at-least-once": "an output that is at-least-once",
    "exactly-once": "an output that is exactly-once, for a consumer that reads committed records",
    "uncommitted": "the same output for a consumer that does not wait for commits, as `pointsman.client`",
}


async def serve(kafka: str, folder: Path) -> None:
    """Serve one model twice, with its answers going to either output."""
    (spec, *_) = models.specs(folder)
    # A client reads the responses topic, so they answer there first.
    await publish(kafka, [{**spec, "model": name} for name in (LOOSE, STRICT)])
    async with Client(kafka) as client:
        for name in (LOOSE, STRICT):
            await client.apply({**spec, "model": name, "route": {**spec["route"], "output": name}})


def sides(payload: Path, pids: dict[str, int]) -> list[Side]:
    """Return the cases."""
    base = models.traffic(LOOSE, payload=payload)
    loose = msgspec.structs.replace(base, sink=LOOSE)
    strict = msgspec.structs.replace(base, models=(STRICT,), sink=STRICT)
    committed = msgspec.structs.replace(strict, committed=True)
    return [
        Side(name, traffic, pids) for name, traffic in zip(MEANING, (loose, committed, strict), strict=True)
    ]


async def measure(folder: Path, pace: Pace, console: Console) -> report.Result:
    """Start a stack with both outputs and return the rows."""
    payload = models.body(folder / "request.bin")
    settings = Settings(outputs=(LOOSE, f"{STRICT}:{EXACTLY_ONCE}"))
    async with Stack(folder / "stack", settings=settings) as stack:
        await serve(stack.kafka, folder)
        pids = {name: child.pid for name, child in stack.record.children.items()}
        bench = Bench(Generator(stack.kafka, BUILD), pids.pop("kafka"), pace, console)
        rows = await asyncio.to_thread(bench.turns, sides(payload, pids), INFLIGHT)
        return result(rows, stack, pace)


def markdown(rows: Sequence[Row], done: report.Result) -> str:
    """Return the result as Markdown."""
    lines = [f"- `{name}`: {text}" for name, text in MEANING.items()]
    lines += ["", "| case | in flight | requests/s | p50 ms | p99 ms |", "|---|---:|---:|---:|---:|"]
    lines += ["| " + " | ".join(report.cells(row)[:-1]) + " |" for row in rows]
    return "\n".join([*lines, "", *(f"- {line}" for line in report.notes(done))])


def main() -> None:
    """Measure, print the table, write the files."""
    parser = argparse.ArgumentParser(description="Exactly-once against at-least-once.")
    parser.add_argument("--quick", action="store_true", help="one short round; writes no files")
    pace = QUICK if parser.parse_args().quick else PACE
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
        done = asyncio.run(measure(Path(folder), pace, console))
    report.show(done, console)
    if not done.quick:
        report.write_json(done, JSON)
        report.write_between_markers(markdown(done.rows, done), MARKDOWN, "delivery")
        console.print(f"written: {JSON}, {MARKDOWN}")


if __name__ == "__main__":
    main()
