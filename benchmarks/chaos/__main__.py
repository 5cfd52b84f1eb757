"""`python -m benchmarks.chaos [--minutes M] [--seed N]`: faults under load; status 1 if anything is lost."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.chaos import disk, report
from benchmarks.chaos.run import Plan, run

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "chaos.json"


def main() -> None:
    """Run, print the table, write the result."""
    parser = argparse.ArgumentParser(description="Kill anything, at any moment; nothing may be lost.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--faults", type=int, help="at least so many; absent: 200 in 30 minutes or more")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="repeats a run's faults")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    parser.add_argument("--only", default="", help="only faults with this in their name")
    parser.add_argument("--folder", type=Path, help="keeps what the stack writes, its logs above all")
    parser.add_argument("--result", type=Path, default=RESULTS, help="where the JSON goes")
    arguments = parser.parse_args()
    disk.enter_namespace()
    least = (200 if arguments.minutes >= 30 else 0) if arguments.faults is None else arguments.faults
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"seed {arguments.seed}")
    with _folder(arguments.folder) as folder:
        plan = Plan(arguments.minutes * 60, arguments.rate, arguments.seed, arguments.only, least)
        result = run(folder, plan, console.print)
    report.show(result, console)
    report.write(result, arguments.result)
    sys.exit(0 if result.is_exact else 1)


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept:
        kept.mkdir(parents=True)
        yield kept
    else:
        with tempfile.TemporaryDirectory(prefix="pointsman-chaos-") as folder:
            yield Path(folder)


if __name__ == "__main__":
    main()
