"""The pairs of a quiet and a troubled window as a table, as JSON, and as a table in docs/performance.md."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.stream.generator import Span
from benchmarks.stream.report import write_between_markers

KINDS: Final = ("pool gone", "load")
TIMES: Final = 1.5
MARKER: Final = "outage"
HEADINGS: Final = ("trouble", "seconds", "p99 ms before", "p99 ms", "times", "waited and answered", "failed")


class Pair(msgspec.Struct, frozen=True):
    """A quiet window and a troubled one of others' traffic, and the traffic of the model that waited."""

    kind: str
    seconds: int
    quiet: Span
    troubled: Span
    waiting: Span
    lost: int

    @property
    def ratio(self) -> float:
        """How many times as long the others' slowest hundredth took."""
        return self.troubled.p99_ms / self.quiet.p99_ms if self.quiet.p99_ms else float("inf")

    @property
    def failed(self) -> int:
        """Requests of anybody with an error for an answer, or none."""
        spans = (self.quiet, self.troubled, self.waiting)
        return self.lost + sum(span.failed + span.refused + span.unsent for span in spans)


class Result(msgspec.Struct, frozen=True):
    """All pairs of one run on one stack."""

    pairs: list[Pair]
    restarts: int | None
    machine: dict[str, str]
    at: str

    def medians(self) -> dict[str, float]:
        """Return the median ratio of each kind of trouble."""
        kinds = dict.fromkeys(pair.kind for pair in self.pairs)
        return {
            kind: statistics.median(pair.ratio for pair in self.pairs if pair.kind == kind) for kind in kinds
        }

    @property
    def is_met(self) -> bool:
        """Whether the others did not notice, nothing was lost, and the job never restarted."""
        is_quick = all(ratio <= TIMES for ratio in self.medians().values())
        return is_quick and not self.restarts and not any(pair.failed for pair in self.pairs)


def cells(pair: Pair) -> tuple[str, ...]:
    """Return a pair as text, one cell per heading."""
    return (
        pair.kind,
        str(pair.seconds),
        f"{pair.quiet.p99_ms:.1f}",
        f"{pair.troubled.p99_ms:.1f}",
        f"{pair.ratio:.2f}",
        f"{pair.waiting.answered + pair.waiting.late:,}",
        f"{pair.failed:,}",
    )


def notes(result: Result) -> list[str]:
    """Return what the table does not say, a sentence a line."""
    medians = ", ".join(f"{kind} {ratio:.2f}" for kind, ratio in result.medians().items())
    return [
        f"median of how many times the others' p99 was what it is else: {medians}",
        f"restarts of the job {result.restarts}",
        f"measured {result.at}",
    ]


def show(result: Result, console: Console) -> None:
    """Print the table and the lines below it."""
    table = Table(*HEADINGS)
    for pair in result.pairs:
        table.add_row(*cells(pair))
    console.print(table)
    for line in notes(result):
        console.print(f"- {line}")


def write(result: Result, json: Path, markdown: Path) -> None:
    """Write the result as JSON, and into the page."""
    json.parent.mkdir(parents=True, exist_ok=True)
    json.write_bytes(msgspec.json.encode(result) + b"\n")
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    lines += ["| " + " | ".join(cells(pair)) + " |" for pair in result.pairs]
    write_between_markers("\n".join([*lines, "", *(f"- {line}" for line in notes(result))]), markdown, MARKER)
