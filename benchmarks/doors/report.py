"""The table of the doors: a row for each system and workload, ratios to the bare server of the same run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

import msgspec

from benchmarks.doors.peers import BARE
from benchmarks.doors.visit import Visit
from benchmarks.doors.wrk import Run
from benchmarks.sheet import Sheet
from benchmarks.stream.machine import measured

HEADINGS = (
    "case", "server", "in flight", "requests/s", "times bare", "p50 ms", "p99 ms", "not 2xx", "broken",
    "memory MiB",
)  # fmt: skip
GRPC = ", gRPC"


class Row(msgspec.Struct, frozen=True):
    """Medians of the rounds; `refused` and `broken` of all of them. In flight: connections, or calls."""

    case: str
    side: str
    inflight: int
    rate: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int
    memory_mib: float
    ready_s: float


class Absence(msgspec.Struct, frozen=True):
    """Why a system was not measured, or not in all rounds."""

    case: str
    side: str
    reason: str


class Result(msgspec.Struct, frozen=True):
    """A whole run; memory is that of all processes (PSS), at the end of a turn."""

    rows: list[Row]
    absences: list[Absence]
    rounds: int
    seconds: float
    machine: dict[str, str]
    at: str


def rows(visits: Mapping[tuple[str, str], Sequence[Visit]]) -> list[Row]:
    """Return the rows of the visits of each case and side: HTTP first, then gRPC."""
    over_http = [
        row(case, side, n, [one.over_http[n] for one in found], found)
        for (case, side), found in visits.items()
        for n in found[0].over_http
    ]
    over_grpc = [
        row(case + GRPC, side, n, [one.over_grpc[n] for one in found], found)
        for (case, side), found in visits.items()
        for n in found[0].over_grpc
    ]
    return over_http + over_grpc


def row(case: str, side: str, inflight: int, runs: Sequence[Run], visits: Sequence[Visit]) -> Row:
    """Return the medians of some rounds."""
    return Row(
        case=case,
        side=side,
        inflight=inflight,
        rate=statistics.median(run.rate for run in runs),
        p50_ms=statistics.median(run.p50_us for run in runs) / 1000,
        p99_ms=statistics.median(run.p99_us for run in runs) / 1000,
        refused=sum(run.refused for run in runs),
        broken=sum(run.broken for run in runs),
        memory_mib=statistics.median(one.memory_mib for one in visits),
        ready_s=statistics.median(one.ready_s for one in visits),
    )


def sheet(result: Result) -> Sheet:
    """Return what is told of a run."""
    by: dict[tuple[str, str], list[Row]] = {}
    for one in result.rows:
        by.setdefault((one.case, one.side), []).append(one)
    bare = {(one.case, one.inflight): one.rate for one in result.rows if one.side == BARE}
    told = [_cells(found, bare) for found in by.values()]
    missing = [one for one in result.absences if (one.case, one.side) not in by]
    told += [(one.case, one.side, "", one.reason, *[""] * (len(HEADINGS) - 4)) for one in missing]
    order = {case: place for place, case in enumerate(dict.fromkeys(one[0] for one in told))}
    partly = [one for one in result.absences if one not in missing]
    return Sheet(
        "doors",
        HEADINGS,
        sorted(told, key=lambda cells: order[cells[0]]),
        (
            f"medians of {result.rounds} rounds of {result.seconds:g} s; refused and broken of all rounds",
            *(f"{one.side}, {one.case}, in a part of the rounds: {one.reason}" for one in partly),
            measured(result.at, result.machine),
        ),
        texts=3,
    )


def _cells(found: Sequence[Row], bare: Mapping[tuple[str, int], float]) -> tuple[str, ...]:
    def each(text: Callable[[Row], str]) -> str:
        return " / ".join(map(text, found))

    def ratio(one: Row) -> str:
        rate = bare.get((one.case, one.inflight))
        return f"{one.rate / rate:.2f}" if rate else "-"

    return (
        found[0].case,
        found[0].side,
        each(lambda one: str(one.inflight)),
        each(lambda one: f"{one.rate:,.0f}"),
        each(ratio),
        each(lambda one: f"{one.p50_ms:.1f}"),
        each(lambda one: f"{one.p99_ms:.1f}"),
        each(lambda one: str(one.refused)),
        each(lambda one: str(one.broken)),
        f"{found[0].memory_mib:,.0f}",
    )
