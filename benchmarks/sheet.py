"""What a benchmark tells: a table and sentences below it, on the terminal and in a page of the docs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.stream.report import write_between_markers


class Sheet(msgspec.Struct, frozen=True):
    """The first `texts` columns are words, the others figures. The page marks its place with `marker`."""

    marker: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]
    texts: int = 1

    def show(self, console: Console) -> None:
        """Print the table and the lines below it."""
        table = Table(*self.headings)
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for line in self.notes:
            console.print(f"- {line}")

    def publish(self, markdown: Path) -> None:
        """Put both into the page."""
        rule = "|" + "---|" * self.texts + "---:|" * (len(self.headings) - self.texts)
        rows = ["| " + " | ".join(row) + " |" for row in self.rows]
        lines = [
            "| " + " | ".join(self.headings) + " |",
            rule,
            *rows,
            "",
            *(f"- {line}" for line in self.notes),
        ]
        write_between_markers("\n".join(lines), markdown, self.marker)


def keep(result: msgspec.Struct, path: Path) -> None:
    """Write a result as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(result) + b"\n")
