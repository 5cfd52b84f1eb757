"""The result of a soak as a table and as JSON."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.soak.sample import Sample
from benchmarks.soak.trend import GROWS, Trend, trend


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

    def trends(self) -> list[Trend]:
        """Return the trends of memory, checkpoints and lag after the warm-up."""
        kept = [sample for sample in self.samples if sample.at_s >= self.warmup_s]
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


def show(result: Result, console: Console) -> None:
    """Print the minutes and the trends."""
    minutes = Table("minute", "answered", "refused", "failed", "lost", "stream p99 ms", "interactive p99 ms")
    for number, minute in enumerate(result.minutes, 1):
        counts = (minute.answered, minute.refused, minute.failed, minute.lost)
        latencies = (f"{minute.stream_p99_ms:.0f}", f"{minute.people_p99_ms:.0f}")
        minutes.add_row(str(number), *(f"{count:,}" for count in counts), *latencies)
    console.print(minutes)
    trends = Table("what", "mean", "per hour", "a day", "99 %", "verdict")
    for one in result.trends():
        cells = (
            f"{one.mean:,.1f}",
            f"{one.slope * 3600:+,.2f}",
            f"{one.growth:+.1%}",
            f"± {one.growth_margin:.1%}",
        )
        trends.add_row(one.name, *cells, one.verdict)
    console.print(trends)
    console.print(
        f"capacity {result.capacity:,.0f}/s, half of it sent; beside it {result.accepted:,} JSON requests "
        f"and poison, without a final answer {len(result.missing)}; restarts of the job {result.restarts}"
    )


def write(result: Result, path: Path) -> None:
    """Write the result as JSON, with its trends."""
    fields = msgspec.to_builtins(result) | {"trends": msgspec.to_builtins(result.trends())}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(fields) + b"\n")
