"""The result of an overload as a table, as JSON, and as a table in docs/performance.md."""

from __future__ import annotations

from typing import Final

import msgspec

from benchmarks.sheet import Sheet
from benchmarks.stream.generator import Opened, Span
from benchmarks.stream.machine import measured

GOODPUT, REFUSAL_MS, NORMAL_S = 0.6, 50.0, 5
# A second is normal again when nothing of it was refused and its p99 is at most so many times what it was.
NORMAL_TIMES: Final = 1.5
MARKER: Final = "overload"
PHASES: Final = ("half, before", "twice", "half, after")  # of the capacity
HEADINGS: Final = (
    "phase",
    "due/s",
    "answered/s",
    "p50 ms",
    "p99 ms",
    "refused/s",
    "refusal p50",
    "refusal p99",
    "late",
    "failed",
)


class Result(msgspec.Struct, frozen=True):
    """`capacity` is in requests per second, measured in the same run."""

    capacity: float
    deadline_ms: int
    opened: Opened
    restarts: int | None
    machine: dict[str, str]
    at: str

    @property
    def goodput(self) -> float:
        """The share of the capacity that was answered in time during the overload."""
        phase = self.opened.phases[1]
        return phase.answered / phase.seconds / self.capacity

    @property
    def normal_after_s(self) -> int | None:
        """Seconds from the end of the overload to the first from which on all is as before; None: never."""
        before, overload, _ = self.opened.phases
        after = self.opened.seconds[int(before.seconds + overload.seconds) :]
        wild = [number for number, second in enumerate(after) if not _is_normal(second, before)]
        return (wild[-1] + 1 if wild else 0) if not wild or wild[-1] + 1 < len(after) else None

    @property
    def is_met(self) -> bool:
        """Whether the goals are met."""
        back = self.normal_after_s
        is_quick = self.opened.phases[1].refusal_p99_ms <= REFUSAL_MS
        return self.goodput >= GOODPUT and is_quick and back is not None and back <= NORMAL_S


def _is_normal(second: Span, before: Span) -> bool:
    return (
        not second.refused
        and not second.failed
        and not second.late
        and second.p99_ms <= NORMAL_TIMES * before.p99_ms
    )


def cells(phase: str, span: Span) -> tuple[str, ...]:
    """Return a phase as text, one cell per heading."""
    return (
        phase,
        f"{span.due / span.seconds:,.0f}",
        f"{span.answered / span.seconds:,.0f}",
        f"{span.p50_ms:.0f}",
        f"{span.p99_ms:.0f}",
        f"{span.refused / span.seconds:,.0f}",
        f"{span.refusal_p50_ms:.0f}",
        f"{span.refusal_p99_ms:.0f}",
        f"{span.late:,}",
        f"{span.failed:,}",
    )


def notes(result: Result) -> list[str]:
    """Return what the table does not say, a sentence a line."""
    back = result.normal_after_s
    unsent = sum(phase.unsent for phase in result.opened.phases)
    return [
        f"capacity {result.capacity:,.0f}/s, measured before; goodput {result.goodput:.0%} of it",
        f"normal again {'never' if back is None else f'{back} s'} after the overload's end",
        f"without an answer {result.opened.lost}, unsent {unsent}, restarts of the job {result.restarts}",
        f"deadline of a request {result.deadline_ms} ms",
        measured(result.at, result.machine),
    ]


def sheet(result: Result) -> Sheet:
    """Return what is told of a run."""
    rows = [cells(phase, span) for phase, span in zip(PHASES, result.opened.phases, strict=True)]
    return Sheet(MARKER, HEADINGS, rows, notes(result))
