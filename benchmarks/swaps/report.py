"""The result of the swaps as a table, as JSON, and as a table in docs/performance.md."""

from __future__ import annotations

from typing import Final

import msgspec

from benchmarks.sheet import Sheet
from benchmarks.stream.generator import Opened, Span
from benchmarks.stream.machine import measured

TIMES: Final = 2.0  # what the p99 may be, of that of the quiet time before
MARKER: Final = "swaps"
PHASES: Final = ("quiet", "swaps")
HEADINGS: Final = ("phase", "due/s", "answered/s", "p50 ms", "p99 ms", "refused", "failed", "unsent")


class Result(msgspec.Struct, frozen=True):
    """`opened` has a phase without and one with swaps.

    `took_ms` is, of each swap, the time from the command to the epoch at which the new version has the
    traffic. `checked` answers of `versions` were compared, and `wrong` says what was wrong with the first of
    those that were. `pod_mib` is the pod's memory before the first swap and after the last.
    """

    swaps: int
    opened: Opened
    took_ms: list[int]
    checked: int
    wrong_count: int
    wrong: list[str]
    versions: int
    pod_mib: tuple[float, float]
    restarts: int | None
    machine: dict[str, str]
    at: str

    @property
    def times(self) -> float:
        """The p99 during the swaps, of that before."""
        quiet, swapping = self.opened.phases
        return swapping.p99_ms / quiet.p99_ms

    @property
    def failed(self) -> int:
        """Requests that were refused, failed, not answered or not sent, in both phases."""
        spans = self.opened.phases
        return self.opened.lost + sum(span.failed + span.refused + span.unsent for span in spans)

    @property
    def is_met(self) -> bool:
        """Whether the goals are met."""
        is_right = not self.failed and not self.wrong_count and not self.restarts
        return is_right and len(self.took_ms) == self.swaps and self.times <= TIMES


def cells(phase: str, span: Span) -> tuple[str, ...]:
    """Return a phase as text, one cell per heading."""
    return (
        phase,
        f"{span.due / span.seconds:,.0f}",
        f"{span.answered / span.seconds:,.0f}",
        f"{span.p50_ms:.0f}",
        f"{span.p99_ms:.0f}",
        f"{span.refused:,}",
        f"{span.failed:,}",
        f"{span.unsent:,}",
    )


def notes(result: Result) -> list[str]:
    """Return what the table does not say, a sentence a line."""
    took = sorted(result.took_ms)
    middle, last = (took[len(took) // 2], took[-1]) if took else (0, 0)
    seconds = result.opened.phases[1].seconds
    return [
        f"{len(took)} swaps in {seconds:.0f} s; from the command to the new version's first epoch "
        f"{middle} ms in the median, {last} ms at most",
        f"{result.checked:,} answers by {result.versions} versions compared, by a wrong version "
        f"{result.wrong_count}; failed or without an answer {result.failed}",
        f"p99 {result.times:.2f} times that of the quiet time before (asked: at most {TIMES:g})",
        f"memory of the pod {result.pod_mib[0]:.0f} MiB before, {result.pod_mib[1]:.0f} MiB after; "
        f"restarts of the job {result.restarts}",
        measured(result.at, result.machine),
    ]


def sheet(result: Result) -> Sheet:
    """Return what is told of a run."""
    rows = [cells(phase, span) for phase, span in zip(PHASES, result.opened.phases, strict=True)]
    return Sheet(MARKER, HEADINGS, rows, notes(result))
