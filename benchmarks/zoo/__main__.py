"""`python -m benchmarks.zoo [--models N]`: more models than memory; status 1 if a goal is missed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import sheet
from benchmarks.stream.report import MARKDOWN
from benchmarks.zoo import report
from benchmarks.zoo.run import measure

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "zoo.json"
MODELS, RATE, SECONDS, SHORT_SECONDS = 1_000, 50.0, 300.0, 60.0


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Many more models in one job than its pod has memory for.")
    parser.add_argument("--models", type=int, default=MODELS, help=f"less than {MODELS:,} writes no file")
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="of traffic; where given no file is written"
    )
    parser.add_argument("--rate", type=float, default=RATE, help="requests a second")
    arguments = parser.parse_args()
    is_whole = arguments.models >= MODELS and not arguments.seconds
    with tempfile.TemporaryDirectory(prefix="pointsman-zoo-") as folder:
        seconds = SECONDS if is_whole else arguments.seconds or SHORT_SECONDS
        result = asyncio.run(measure(Path(folder), arguments.models, arguments.rate, seconds))
    console = Console()
    told = report.sheet(result)
    told.show(console)
    for line in result.failed[:5]:
        console.print(line)
    if is_whole:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)
    sys.exit(0 if result.is_met else 1)


if __name__ == "__main__":
    main()
