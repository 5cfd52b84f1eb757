"""The result of a soak as a table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

import msgspec

from benchmarks.sheet import Sheet
from benchmarks.soak.sample import Sample
from benchmarks.soak.trend import GROWS, Trend, trend
from benchmarks.stream.machine import measured

HEADINGS: Final = ("what", "mean", "per hour", "a day", "99 %", "verdict")


class Minute(msgspec.Struct, frozen=True):
    """One minute of the bulk: what was answered in both lanes, and the 99th percentiles in ms."""

    at_s: float
    answered: int
    refused: int
    failed: int
    lost: int
    stream_p99_ms: float
    people_p99_ms: float


class Result(msgspec.Struct, frozen=True):
    """`capacity` in requests per second; the warm-up is in samples and minutes, not in the trends."""

    capacity: float
    samples: list[Sample]
    minutes: list[Minute]
    warmup_s: float
    accepted: int
    missing: list[str]
    restarts: int | None
    machine: dict[str, str]
    at: str

    @property
    def kept(self) -> list[Sample]:
        """The samples after the warm-up."""
        return [sample for sample in self.samples if sample.at_s >= self.warmup_s]

    def trends(self) -> list[Trend]:
        """Return the trends of memory, checkpoints and lag after the warm-up."""
        kept = self.kept
        times = [sample.at_s for sample in kept]
        names = list(kept[0].memory_mib)
        found = [
            trend(f"{name}, MiB", times, [sample.memory_mib.get(name, 0.0) for sample in kept])
            for name in names
        ]
        total = [sum(sample.memory_mib.values()) for sample in kept]
        return [
            *found,
            trend("all, MiB", times, total),
            trend("checkpoint, KiB", times, [sample.checkpoint_kib for sample in kept]),
            trend("checkpoint, ms", times, [sample.checkpoint_ms for sample in kept]),
            trend("lag, records", times, [float(sample.lag) for sample in kept]),
        ]

    @property
    def is_sound(self) -> bool:
        """Whether nothing surely grows, nothing is lost, and the job never restarted."""
        return all(one.verdict != GROWS for one in self.trends()) and not self.missing and not self.restarts


def sheet(result: Result) -> Sheet:
    """Return what is told of a run: the trends, and the minutes together."""
    minutes, kept = result.minutes, result.kept
    return Sheet(
        "soak",
        HEADINGS,
        [
            (one.name, f"{one.mean:,.1f}", f"{one.slope * 3600:+,.2f}", f"{one.growth:+.1%}",
             f"± {one.growth_margin:.1%}", one.verdict)
            for one in result.trends()
        ],
        (
            f"capacity {result.capacity:,.0f}/s; {sum(one.answered for one in minutes):,} answered in "
            f"{len(minutes)} minutes, refused {sum(one.refused for one in minutes):,}, "
            f"failed {sum(one.failed for one in minutes):,}, lost {sum(one.lost for one in minutes):,}",
            f"beside it {result.accepted:,} requests in JSON, without a final answer {len(result.missing)}; "
            f"restarts of the job {result.restarts}",
            _latencies("stream", [one.stream_p99_ms for one in minutes]),
            _latencies("interactive", [one.people_p99_ms for one in minutes]),
            f"trends of the {(kept[-1].at_s - kept[0].at_s) / 60:.0f} minutes after the warm-up",
            measured(result.at, result.machine),
        ),
    )  # fmt: skip


def _latencies(name: str, p99s: Sequence[float]) -> str:
    return f"{name}: p99 of a minute {median(p99s):.0f} ms in the median, {max(p99s):.0f} ms at most"
