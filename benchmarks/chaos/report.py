"""The result of a run as a table and as JSON."""

from __future__ import annotations

import statistics
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table


class Blow(msgspec.Struct, frozen=True):
    """One fault, and the seconds from it (of a stop: from its end) to the first answer to a later request."""

    name: str
    stop_s: float
    seconds: float


class Result(msgspec.Struct, frozen=True):
    """`lost` has no final record; `wrong` has one that is an error or not the right answer."""

    blows: list[Blow]
    accepted: int
    lost: list[str]
    wrong: list[str]
    repeats: int
    seconds: float

    @property
    def is_exact(self) -> bool:
        """Whether every accepted request was answered rightly."""
        return not self.lost and not self.wrong


def show(result: Result, console: Console) -> None:
    """Print a row per kind of fault, and the ledger."""
    table = Table("fault", "times", "median s to the first answer", "longest")
    by_name: dict[str, list[float]] = {}
    for blow in result.blows:
        by_name.setdefault(blow.name, []).append(blow.seconds)
    for name, seconds in sorted(by_name.items()):
        table.add_row(name, str(len(seconds)), f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}")
    console.print(table)
    console.print(
        f"{len(result.blows)} faults in {result.seconds / 60:.1f} min; {result.accepted:,} accepted, "
        f"{result.repeats:,} answered more than once, lost {len(result.lost)}, wrong {len(result.wrong)}"
    )


def write(result: Result, path: Path) -> None:
    """Write the result as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
