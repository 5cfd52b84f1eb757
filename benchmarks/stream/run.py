"""One run of the benchmark: start everything, measure all cases, write the results."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.stream import bare, echo_stack, machine, models, processes, report
from benchmarks.stream.bench import QUICK, Bench, Pace, Side, stamp
from benchmarks.stream.generator import Generator, Traffic
from benchmarks.stream.publication import publish
from benchmarks.stream.row import Row
from pointsman.localstack.enginefiles import ensure
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings

HERE: Final = Path(__file__).resolve().parents[1]
BUILD: Final = HERE / "build"
JSON: Final = HERE / "results" / "stream.json"
README: Final = HERE.parent / "README.md"
LIMIT: Final = Traffic("bench.limit", "bench.limit")
# A side that waits for its turn is stopped and silent: its pods must not count as gone.
SETTINGS: Final = Settings(silence_ms=120_000)


async def run(pace: Pace, folder: Path, console: Console) -> report.Result:
    """Start everything, measure all cases, stop everything."""
    payload = models.body(folder / "request.bin")
    rows = bare.measure(models.artifact(folder, 1), pace.seconds)
    console.print("starting the stack")
    async with Stack(folder / "stack", settings=SETTINGS) as stack:
        await publish(stack.kafka, models.specs(folder))
        pids = {name: child.pid for name, child in stack.record.children.items()}
        broker = pids.pop("kafka")
        ours = Side("pointsman", models.traffic(models.MODEL, payload=payload), pids)
        bench = Bench(Generator(stack.kafka, BUILD), broker, pace, console)
        echo_stack.create_topics(stack.kafka, {LIMIT.source: 4})
        rows = await asyncio.to_thread(bench.limit, LIMIT, ours) + rows
        async with echo_stack.running(folder / "echo", ensure(), stack.kafka) as children:
            plain = Side("echo", echo_stack.TRAFFIC, {name: child.pid for name, child in children.items()})
            rows += await asyncio.to_thread(bench.duel, (plain, ours))
        small = Side("mixed", models.traffic(*models.SMALL, payload=payload), pids)
        rows += await asyncio.to_thread(bench.mixed, small, models.traffic(models.SLOW, payload=payload))
        return result(rows, stack, pace)


def result(rows: list[Row], stack: Stack, pace: Pace) -> report.Result:
    """Return the rows with what else is known at the end."""
    memory = processes.memory_mib(stack.record.children)
    return report.Result(
        rows=rows,
        machine=machine.facts(),
        memory_mib=memory | {"all": sum(memory.values())},
        ready_s=stack.record.seconds,
        restarts=stack.restarts(),
        at=stamp(),
        quick=pace is QUICK,
    )


def main() -> None:
    """Measure, print the table, write the files."""
    parser = argparse.ArgumentParser(description="Measure the stream door against its limits.")
    parser.add_argument("--quick", action="store_true", help="one short round; writes no files")
    pace = QUICK if parser.parse_args().quick else Pace()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
        done = asyncio.run(run(pace, Path(folder), console))
    report.show(done, console)
    if not done.quick:
        report.write_json(done, JSON)
        report.write_between_markers(report.markdown(done), report.MARKDOWN)
        report.write_between_markers(report.summary(done), README)
        console.print(f"written: {JSON}, {report.MARKDOWN}, {README}")
