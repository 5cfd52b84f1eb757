"""What a command prints: tables and sentences for people, or one JSON object per line for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

errors = Console(stderr=True, highlight=False)


class Output:
    """Standard output in one of the two forms."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a sentence for people; programs do not get it."""
        if not self.as_json:
            self.console.print(escape(text))

    def working(self, text: str) -> AbstractContextManager[object]:
        """Show a spinner while something takes long; programs do not get it."""
        return nullcontext() if self.as_json else self.console.status(escape(text))

    def record(self, value: Mapping[str, Any], text: str) -> None:
        """Print one record: `value` for programs, `text` for people."""
        if self.as_json:
            sys.stdout.write(msgspec.json.encode(value, enc_hook=_plain).decode() + "\n")
            sys.stdout.flush()
        else:
            self.console.print(escape(text))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
        """Print a table for people."""
        if self.as_json:
            return
        table = Table(title=title or None, title_justify="left")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self.console.print(table)


def fail(message: str) -> None:
    """Print why a command failed, to standard error."""
    first, *rest = message.splitlines() or ["failed"]
    errors.print(f"[bold red]error:[/] {escape(first)}", soft_wrap=True)
    for line in rest:
        errors.print(f"  {escape(line)}", style="dim", soft_wrap=True)


def when(at_ms: int) -> str:
    """Return a time in milliseconds as people read it, in the zone of the machine."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().isoformat(" ", "seconds")


def _plain(value: object) -> object:
    """Turn what JSON lacks into what it has: arrays, numpy numbers, bytes."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")
