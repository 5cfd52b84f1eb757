"""The memory of each part of a stack over many requests, as a table."""

from __future__ import annotations

from typing import Final

import msgspec

from benchmarks.sheet import Sheet
from benchmarks.soak.trend import GROWS, Trend, trend
from benchmarks.stream.machine import measured

GATEWAY: Final = "gateway"
MILLION: Final = 1_000_000
HEADINGS: Final = ("part", "first MiB", "last MiB", "MiB in a million requests", "99 %", "verdict")


class Sample(msgspec.Struct, frozen=True):
    """A moment on a clock of seconds: memory (PSS, MiB) by part."""

    at_s: float
    memory_mib: dict[str, float]


class Result(msgspec.Struct, frozen=True):
    """`answered` while the samples were taken, whatever the status; `refused` of them were not 2xx."""

    samples: list[Sample]
    answered: int
    refused: int
    broken: int
    restarts: int | None
    machine: dict[str, str]
    at: str

    @property
    def seconds(self) -> float:
        """How long they took."""
        return self.samples[-1].at_s - self.samples[0].at_s

    def trends(self) -> list[Trend]:
        """Return the trend of each part, judged over the time that a million requests take."""
        times = [sample.at_s - self.samples[0].at_s for sample in self.samples]
        span_s = self.seconds / self.answered * MILLION
        return [
            trend(part, times, [sample.memory_mib.get(part, 0.0) for sample in self.samples], span_s)
            for part in self.samples[0].memory_mib
        ]

    @property
    def is_flat(self) -> bool:
        """Whether the gateway does not surely grow, and nothing broke."""
        verdict = next(one.verdict for one in self.trends() if one.name == GATEWAY)
        return verdict != GROWS and not self.broken and not self.restarts


def sheet(result: Result) -> Sheet:
    """Return what is told of a run."""
    first, last = (result.samples[at].memory_mib for at in (0, -1))
    return Sheet(
        "footprint",
        HEADINGS,
        [
            (one.name, f"{first[one.name]:.1f}", f"{last.get(one.name, 0.0):.1f}",
             f"{one.slope * one.span_s:+.2f}", f"± {one.margin * one.span_s:.2f}", one.verdict)
            for one in result.trends()
        ],
        (
            f"{result.answered:,} requests in {result.seconds:,.0f} s, not 2xx {result.refused}, "
            f"broken {result.broken}; restarts of the job {result.restarts}",
            measured(result.at, result.machine),
        ),
    )  # fmt: skip
