"""The table of the HTTP doors."""

from __future__ import annotations

import msgspec

from benchmarks.sheet import Sheet

HEADINGS = ("case", "connections", "server", "requests/s", "p50 ms", "p99 ms", "not 2xx", "broken")


class Row(msgspec.Struct, frozen=True):
    """Medians of the rounds; `refused` and `broken` of all of them."""

    case: str
    connections: int
    side: str
    rate: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int


class Result(msgspec.Struct, frozen=True):
    """A whole run; memory in MiB (PSS) after it."""

    rows: list[Row]
    memory_mib: dict[str, float]
    restarts: int | None
    machine: dict[str, str]
    at: str


def sheet(result: Result) -> Sheet:
    """Return what is told of a run."""
    memory = ", ".join(f"{name} {mib:.0f}" for name, mib in result.memory_mib.items())
    facts = ", ".join(f"{name} {value}" for name, value in result.machine.items())
    return Sheet(
        "doors",
        HEADINGS,
        [
            (one.case, str(one.connections), one.side, f"{one.rate:,.0f}", f"{one.p50_ms:.1f}",
             f"{one.p99_ms:.1f}", str(one.refused), str(one.broken))
            for one in result.rows
        ],
        (
            f"memory of the stack after it, MiB (PSS): {memory}, all {sum(result.memory_mib.values()):,.0f}",
            f"restarts of the job {result.restarts}",
            f"measured {result.at} on: {facts}",
        ),
        texts=1,
    )  # fmt: skip
