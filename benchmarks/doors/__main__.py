"""`python -m benchmarks.doors [--quick]`: wrk asks the gateway and a bare server in turn."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from rich.console import Console

from benchmarks import sheet
from benchmarks.doors import report, wrk
from benchmarks.doors.report import Row
from benchmarks.stream import machine, models, processes
from benchmarks.stream.bench import stamp
from benchmarks.stream.publication import publish
from benchmarks.stream.report import MARKDOWN
from pointsman.localstack.assembly import Plan
from pointsman.localstack.ports import HOST, is_free, reserve
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "doors.json"
ONE: Final = (models.MODEL,)
# What is asked, and over how many connections.
CASES: Final = (
    ("one model", ONE, (1, 16, 64, 256)),
    ("20 models", models.SMALL, (64, 512)),
)
ROUNDS, SECONDS, FIRST_S = 3, 8.0, 20.0
# Beyond any number of connections here: what is refused is the engine's doing, not this bound's.
SETTINGS: Final = Settings(silence_ms=120_000, gateway_timeout_ms=30_000)


def body(folder: Path) -> Path:
    """Write one row of 64 numbers as the Open Inference Protocol's JSON."""
    data = [round(float(x), 6) for x in np.linspace(-1, 1, 64)]
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 64], "data": data}
    path = folder / "body.json"
    path.write_bytes(msgspec.json.encode({"inputs": [tensor]}))
    return path


@contextmanager
def bare_server(artifact: Path) -> Iterator[tuple[str, int]]:
    """Yield the address and the process id of the yardstick."""
    reservation = reserve()
    reservation.release()
    command = (sys.executable, "-m", "benchmarks.doors.bare", str(reservation.port), str(artifact))
    with subprocess.Popen(command) as process:
        try:
            while is_free(reservation.port) and process.poll() is None:
                time.sleep(0.05)
            yield f"http://{HOST}:{reservation.port}", process.pid
        finally:
            process.terminate()


def measure(folder: Path, rounds: int, seconds: float, console: Console) -> report.Result:
    """Ask both in turn, the other stopped meanwhile."""
    asked = body(folder)
    plan = Plan(gateways=1, settings=SETTINGS)
    with Stack(folder / "stack", plan=plan) as stack, bare_server(models.artifact(folder, 1)) as bare:
        asyncio.run(publish(stack.kafka, models.specs(folder)[:-1]))
        ours = {name: child.pid for name, child in stack.record.children.items()}
        sides = {"pointsman": (stack.record.http, [bare[1]]), "bare aiohttp": (bare[0], [*ours.values()])}
        wrk.run(stack.record.http, asked, paths_of(models.SMALL + ONE), 64, FIRST_S if rounds > 1 else 3.0)
        rows = []
        for case, asked_models, all_connections in CASES:
            for connections in all_connections:
                runs: dict[str, list[wrk.Run]] = {name: [] for name in sides}
                for _ in range(rounds):
                    for name, (url, idle) in sides.items():
                        with processes.stopped(idle):
                            found = wrk.run(url, asked, paths_of(asked_models), connections, seconds)
                        runs[name].append(found)
                made = [row(case, connections, name, found) for name, found in runs.items()]
                console.print(
                    *(f"{one.side} {one.case} {one.connections}: {one.rate:,.0f}/s" for one in made)
                )
                rows += made
        memory = processes.memory_mib(stack.record.children)
        return report.Result(rows, memory, stack.restarts(), machine.facts(), stamp())


def paths_of(names: tuple[str, ...]) -> list[str]:
    """Return the paths that ask these models."""
    return [f"/v2/models/{name}/infer" for name in names]


def row(case: str, connections: int, side: str, runs: list[wrk.Run]) -> Row:
    """Return the medians of some runs; what was refused or broken in any of them counts."""
    return Row(
        case=case,
        connections=connections,
        side=side,
        rate=statistics.median(run.rate for run in runs),
        p50_ms=statistics.median(run.p50_us for run in runs) / 1000,
        p99_ms=statistics.median(run.p99_us for run in runs) / 1000,
        refused=sum(run.refused for run in runs),
        broken=sum(run.broken for run in runs),
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="The gateway beside a bare HTTP server.")
    parser.add_argument("--quick", action="store_true", help="one short round; writes no files")
    quick = parser.parse_args().quick
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pointsman-doors-") as folder:
        rounds, seconds = (1, 3.0) if quick else (ROUNDS, SECONDS)
        result = measure(Path(folder), rounds, seconds, console)
    told = report.sheet(result)
    told.show(console)
    if not quick:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)


if __name__ == "__main__":
    main()
