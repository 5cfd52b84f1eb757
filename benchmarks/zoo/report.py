"""The result of a zoo as a table, as JSON, and as a table in docs/performance.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from benchmarks.sheet import Sheet
from benchmarks.stream.machine import measured

MARKER: Final = "zoo"
OVERSHOOT: Final = 0.05
LIVE_P99_MS: Final = 1_000.0
HEADINGS: Final = ("", "measured", "asked for")


class Change(msgspec.Struct, frozen=True):
    """How long after a command it was acknowledged, and an answer of `asked` came that it had decided."""

    acknowledged_ms: float
    seen_ms: float
    asked: int = 1


class Result(msgspec.Struct, frozen=True):
    """`models` in a cache for a tenth of them; `idle` is the share of a core by process before any request.

    `loads` were made for the `sent` requests and those of the changes; `loads_ms` holds the last load of each
    version that was loaded again. `memory_mib` is the pod's own before the traffic and at most meanwhile.
    """

    models: int
    seconds: float
    cache_bytes: int
    peak_bytes: int
    registered_s: float
    idle: Mapping[str, float]
    sent: int
    latencies_ms: Sequence[float]
    failed: Sequence[str]
    loads: int
    loads_ms: Sequence[float]
    changes: Sequence[Change]
    memory_mib: tuple[float, float]
    back_s: float
    restarts: int | None
    machine: dict[str, str]
    at: str

    @property
    def overshoot(self) -> float:
        """By how much of itself the budget was passed at most."""
        return self.peak_bytes / self.cache_bytes - 1

    @property
    def found(self) -> float:
        """Return the share of requests whose version was in memory: each load is for one that was not."""
        return 1 - self.loads / max(1, self.sent + sum(one.asked for one in self.changes))

    @property
    def lost(self) -> int:
        """Requests without any answer."""
        return self.sent - len(self.latencies_ms) - len(self.failed)

    @property
    def is_met(self) -> bool:
        """Whether all were answered, the budget was kept, and control came through."""
        is_kept = self.overshoot <= OVERSHOOT
        is_live = quantile([one.seen_ms for one in self.changes], 0.99) < LIVE_P99_MS
        return is_kept and is_live and not (self.lost or self.failed or self.restarts)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share does not exceed; infinite where there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf


def _times(values: Sequence[float]) -> str:
    return f"{quantile(values, 0.5):,.0f} ms, {quantile(values, 0.99):,.0f} ms"


def rows(result: Result) -> list[tuple[str, str, str]]:
    """Return the figures and what is asked of them."""
    seen = [one.seen_ms for one in result.changes]
    acknowledged = [one.acknowledged_ms for one in result.changes]
    idle = sum(result.idle.values())
    return [
        ("registered and READY, each loaded once", f"{result.registered_s:.0f} s", ""),
        ("idle, of a core", f"{idle:.0%}", ""),
        ("requests", f"{result.sent:,}", ""),
        ("lost, failed", f"{result.lost}, {len(result.failed)}", "0, 0"),
        ("answered, p50, p99", _times(result.latencies_ms), ""),
        ("found in memory", f"{result.found:.1%}", ""),
        ("loaded again, p50, p99", _times(result.loads_ms), ""),
        ("budget passed by at most", f"{max(0.0, result.overshoot):.1%}", f"{OVERSHOOT:.0%}"),
        ("split acknowledged, p50, p99", _times(acknowledged), ""),
        ("split seen in an answer, p50, p99", _times(seen), f"p99 {LIVE_P99_MS:,.0f} ms"),
        ("first answer after the pod was killed", f"{result.back_s:.1f} s", ""),
    ]


def notes(result: Result) -> list[str]:
    """Return what the table does not say, a sentence a line."""
    idle = ", ".join(f"{name} {share:.1%}" for name, share in result.idle.items())
    first, most = result.memory_mib
    return [
        f"{result.models:,} models, `cache_bytes` {result.cache_bytes:,}, a tenth of their weights; "
        f"{result.sent / result.seconds:,.0f} requests a second for {result.seconds:,.0f} s, by Zipf's law",
        f"{result.loads:,} loads meanwhile, {len(result.changes):,} changes of a split; "
        f"restarts of the job {result.restarts}",
        f"the pod's own memory {first:,.0f} MiB before the requests, at most {most:,.0f} meanwhile",
        f"idle, of a core: {idle}",
        measured(result.at, result.machine),
    ]


def sheet(result: Result) -> Sheet:
    """Return what is told of a run."""
    return Sheet(MARKER, HEADINGS, rows(result), notes(result))
