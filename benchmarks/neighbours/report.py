"""The pairs of a quiet and a troubled window as a table, as JSON, and as a table in docs/performance.md."""

from __future__ import annotations

import statistics
from typing import Final

import msgspec

from benchmarks.sheet import Sheet
from benchmarks.stream.generator import Span
from benchmarks.stream.machine import measured

KINDS: Final = ("hangs", "loads", "crashes")
TIMES: Final = 1.5
MARKER: Final = "neighbours"
HEADINGS: Final = ("the other model", "seconds", "how often", "p99 ms before", "p99 ms", "times", "failed")


class Pair(msgspec.Struct, frozen=True):
    """A quiet window and one in which another model made trouble `count` times."""

    kind: str
    seconds: int
    count: int
    quiet: Span
    troubled: Span
    lost: int

    @property
    def ratio(self) -> float:
        """How many times as long the slowest hundredth took."""
        return self.troubled.p99_ms / self.quiet.p99_ms if self.quiet.p99_ms else float("inf")

    @property
    def failed(self) -> int:
        """Requests with an error for an answer, or none."""
        return self.lost + sum(
            span.failed + span.refused + span.unsent for span in (self.quiet, self.troubled)
        )


class Result(msgspec.Struct, frozen=True):
    """All pairs of one run on one stack; `workers` of the pod were replaced."""

    pairs: list[Pair]
    restarts: int | None
    workers: int
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
        """Whether the neighbour did not notice, nothing failed, and the job never restarted."""
        is_quick = all(ratio <= TIMES for ratio in self.medians().values())
        has_trouble = all(pair.count for pair in self.pairs)
        return is_quick and has_trouble and not self.restarts and not any(pair.failed for pair in self.pairs)


def cells(pair: Pair) -> tuple[str, ...]:
    """Return a pair as text, one cell per heading."""
    return (
        pair.kind,
        str(pair.seconds),
        f"{pair.count:,}",
        f"{pair.quiet.p99_ms:.1f}",
        f"{pair.troubled.p99_ms:.1f}",
        f"{pair.ratio:.2f}",
        f"{pair.failed:,}",
    )


def notes(result: Result) -> list[str]:
    """Return what the table does not say, a sentence a line."""
    medians = ", ".join(f"{kind} {ratio:.2f}" for kind, ratio in result.medians().items())
    return [
        f"median of how many times the neighbour's p99 was what it is else: {medians}",
        f"restarts of the job {result.restarts}, of the pod's workers {result.workers}",
        measured(result.at, result.machine),
    ]


def sheet(result: Result) -> Sheet:
    """Return what is told of a run."""
    return Sheet(MARKER, HEADINGS, [cells(pair) for pair in result.pairs], notes(result))
