"""The result of a run as a table and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table


class Blow(msgspec.Struct):
    """One fault: the seconds from the blow, or from its end where it lasts, to the answer of a later request.

    What was sent while a part was away is later, too; `all_seconds` is until each model answered what came
    after its return. `repeats`, `lost` and `wrong` are what became of the requests between it and the next
    one. `stuck` says what did not come back in time; the seconds are then those that were waited.
    """

    name: str
    at_ms: int
    seconds: float
    all_seconds: float
    repeats: int = 0
    lost: int = 0
    wrong: int = 0
    stuck: str = ""


class Result(msgspec.Struct, frozen=True):
    """`lost` has no final record; `wrong` has one that is an error or not the right answer.

    `spoilt` are the chunks that the proxy delayed, cut or corrupted.
    """

    seed: int
    blows: list[Blow]
    accepted: int
    lost: list[str]
    wrong: list[str]
    repeats: int
    restarts: int
    spoilt: int
    seconds: float

    @property
    def is_exact(self) -> bool:
        """Whether every accepted request was answered rightly, and soon."""
        return not self.lost and not self.wrong and not any(blow.stuck for blow in self.blows)


def show(result: Result, console: Console) -> None:
    """Print a row per kind of fault, with medians and maxima, and the ledger."""
    table = Table(
        "fault", "times", "first answer s", "longest", "all models s", "longest",
        "repeats", "lost", "wrong", "stuck",
    )  # fmt: skip
    by_name: dict[str, list[Blow]] = {}
    for blow in result.blows:
        by_name.setdefault(blow.name, []).append(blow)
    for name, blows in sorted(by_name.items()):
        table.add_row(name, *_row(blows))
    console.print(table)
    for blow in result.blows:
        if blow.stuck:
            console.print(f"{blow.name}: {blow.stuck}", style="red")
    console.print(
        f"seed {result.seed}: {len(result.blows)} faults in {result.seconds / 60:.1f} min; "
        f"{result.accepted:,} accepted, {result.repeats:,} repeats, lost {len(result.lost)}, "
        f"wrong {len(result.wrong)}; {result.spoilt:,} chunks spoilt, "
        f"restarts of the job by itself {result.restarts}"
    )


def _row(blows: Sequence[Blow]) -> tuple[str, ...]:
    first = [blow.seconds for blow in blows]
    last = [blow.all_seconds for blow in blows]
    return (
        str(len(blows)),
        *(f"{value(seconds):.2f}" for seconds in (first, last) for value in (statistics.median, max)),
        f"{sum(blow.repeats for blow in blows):,}",
        str(sum(blow.lost for blow in blows)),
        str(sum(blow.wrong for blow in blows)),
        str(sum(bool(blow.stuck) for blow in blows)),
    )


def write(result: Result, path: Path) -> None:
    """Write the result as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")


def read(path: Path) -> Result:
    """Return a result that was written."""
    return msgspec.json.decode(path.read_bytes(), type=Result)
