"""One line of the result, and how rounds become one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

from benchmarks.stream.generator import Measured


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A case at a number of requests in flight.

    `rps` requests (for `bare`: rows) per second; latencies in milliseconds. `cpu_us` is the CPU time of
    each process per request, in microseconds; `versions` the share of each version's answers; `alone` the
    same figures without the slow neighbour and `neighbour` those of the neighbour, for the case `mixed`.
    """

    case: str
    inflight: int
    rps: float
    p50_ms: float
    p99_ms: float
    rounds: int = 1
    errors: int = 0
    lost: int = 0
    repeated: int = 0
    cpu_us: dict[str, float] = {}
    versions: dict[str, float] = {}
    alone: dict[str, float] = {}
    neighbour: dict[str, float] = {}


class Round(msgspec.Struct, frozen=True):
    """One run of the generator and the CPU seconds that each process spent on it."""

    measured: Measured
    cpu: dict[str, float]


def merge(case: str, rounds: Sequence[Round]) -> Row:
    """Return the median of rounds at the same number in flight; errors and losses add up."""
    runs = [one.measured for one in rounds]
    answered = max(1, sum(run.answered for run in runs))
    versioned = sum(sum(run.versions.values()) for run in runs)
    return Row(
        case=case,
        inflight=runs[0].inflight,
        rps=statistics.median(run.rps for run in runs),
        p50_ms=statistics.median(run.p50_ms for run in runs),
        p99_ms=statistics.median(run.p99_ms for run in runs),
        rounds=len(runs),
        errors=sum(run.errors for run in runs),
        lost=sum(run.lost for run in runs),
        repeated=sum(run.repeated for run in runs),
        cpu_us={
            name: round(sum(one.cpu[name] for one in rounds) * 1e6 / answered, 2) for name in rounds[0].cpu
        },
        versions={
            name: round(sum(run.versions.get(name, 0) for run in runs) / versioned, 4)
            for name in sorted({name for run in runs for name in run.versions})
        },
    )
