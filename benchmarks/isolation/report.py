"""The result of a flood as a table, as JSON, and as a table in docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from benchmarks.sheet import Sheet
from benchmarks.soak.trend import Trend, trend
from benchmarks.stream.generator import Opened, Span
from benchmarks.stream.machine import measured

P99_MS: Final = 250.0
MARKER: Final = "isolation"
PHASES: Final = ("before", "while it comes", "while it waits")
HEADINGS: Final = ("traffic", "the flood", "due/s", "p50 ms", "p99 ms", "refused", "failed", "late")


class Memory(msgspec.Struct, frozen=True):
    """Memory (PSS, MiB) by process, so many seconds after the begin."""

    at_s: float
    mib: dict[str, float]


class Result(msgspec.Struct, frozen=True):
    """`waiting` requests were sent to one model, `answered` of them meanwhile; `seconds` of each phase."""

    waiting: int
    answered: int
    seconds: dict[str, int]
    others: dict[str, Opened]
    memory: list[Memory]
    restarts: int | None
    machine: dict[str, str]
    at: str

    def rows(self) -> Iterator[tuple[str, str, Span]]:
        """Return what became of each traffic in each phase."""
        for traffic, opened in self.others.items():
            for phase, span in zip(PHASES, opened.phases, strict=True):
                yield traffic, phase, span

    @property
    def lost(self) -> int:
        """Requests of the others without an answer."""
        return sum(opened.lost for opened in self.others.values())

    @property
    def is_met(self) -> bool:
        """Whether nobody noticed the flood."""
        spans = [span for _, phase, span in self.rows() if phase != PHASES[0]]
        is_quick = all(span.p99_ms < P99_MS for span in spans)
        is_whole = not any(span.refused or span.failed or span.unsent for span in spans)
        return is_quick and is_whole and not self.lost and not self.restarts

    def trends(self) -> list[Trend]:
        """Return the trends of the memory while the flood waits."""
        begin = sum(self.seconds.values()) - self.seconds[PHASES[-1]]
        kept = [sample for sample in self.memory if sample.at_s >= begin]
        times = [sample.at_s for sample in kept]
        parts = [trend(name, times, [sample.mib[name] for sample in kept]) for name in kept[0].mib]
        return [*parts, trend("all", times, [sum(sample.mib.values()) for sample in kept])]


def cells(traffic: str, phase: str, span: Span) -> tuple[str, ...]:
    """Return a row as text, one cell per heading."""
    counts = (span.refused, span.failed, span.late)
    return (
        traffic,
        phase,
        f"{span.due / span.seconds:,.0f}",
        f"{span.p50_ms:.0f}",
        f"{span.p99_ms:.0f}",
        *(f"{count:,}" for count in counts),
    )


def notes(result: Result) -> list[str]:
    """Return what the table does not say, a sentence a line."""
    growth = ", ".join(f"{one.name} {one.mean:,.0f} ({one.slope * 60:+,.1f})" for one in result.trends())
    return [
        f"{result.waiting:,} requests to one model in {result.seconds[PHASES[1]]} s, "
        f"{result.answered:,} of them answered by the end",
        f"of the others without an answer {result.lost}; restarts of the job {result.restarts}",
        f"memory while it waits, MiB (PSS), and its growth a minute: {growth}",
        measured(result.at, result.machine),
    ]


def sheet(result: Result) -> Sheet:
    """Return what is told of a run."""
    return Sheet(MARKER, HEADINGS, [cells(*row) for row in result.rows()], notes(result), texts=2)
