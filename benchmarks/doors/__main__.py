"""`python -m benchmarks.doors`: wrk and ghz ask the gateway and the servers that others wrote, by turns."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import sheet
from benchmarks.doors import report
from benchmarks.doors.ours import Pointsman
from benchmarks.doors.peers import PEERS
from benchmarks.doors.plan import Plan
from benchmarks.doors.run import Run
from benchmarks.doors.system import System
from benchmarks.stream.report import MARKDOWN

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "doors.json"
SYSTEMS: Final[tuple[System, ...]] = (Pointsman(), *PEERS)


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    usual = Plan()
    parser = argparse.ArgumentParser(description="The gateway beside the servers that others wrote.")
    parser.add_argument("--only", type=chosen, default=SYSTEMS, help="names of systems, with commas between")
    parser.add_argument("--connections", type=numbers, help="as in 64,256; calls in flight over gRPC too")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="of each measurement")
    parser.add_argument("--warmup", type=float, default=usual.warmup, help="seconds, after each start")
    parser.add_argument("--rounds", type=int, default=usual.rounds)
    return parser.parse_args()


def chosen(text: str) -> Sequence[System]:
    """Return the systems of these names; a part of a name will do. Raises ArgumentTypeError."""
    names = [name.strip().lower() for name in text.split(",")]
    known = ", ".join(system.name for system in SYSTEMS)
    for name in names:
        if not any(name in system.name.lower() for system in SYSTEMS):
            raise argparse.ArgumentTypeError(f"no {name!r}; there are {known}")
    return [system for system in SYSTEMS if any(name in system.name.lower() for name in names)]


def numbers(text: str) -> list[int]:
    """Return numbers with commas between."""
    return [int(number) for number in text.split(",")]


def main() -> None:
    """Measure, print, and write what is a whole run."""
    asked = arguments()
    # Whoever ends the run ends the server whose turn it is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    plan = Plan(rounds=asked.rounds, seconds=asked.seconds, warmup=asked.warmup)
    if asked.connections:
        plan = plan.over(asked.connections)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="doors-", ignore_cleanup_errors=True) as folder:
        result = Run(plan, Path(folder), console).measure(asked.only)
    told = report.sheet(result)
    told.show(console)
    if plan == Plan() and asked.only is SYSTEMS:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)
    else:
        console.print("a part of the whole: nothing is written")


if __name__ == "__main__":
    main()
