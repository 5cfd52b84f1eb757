"""`logs`: what the processes of the local stack wrote."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated

import typer

from pointsman.cli.options import AsJson, Name, home_of
from pointsman.cli.output import Output
from pointsman.errors import StackError

_POLL_S = 0.2


def logs(
    process: Annotated[str, typer.Argument(help="kafka, engine, redis, router, pod-POOL; absent: all.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    lines: Annotated[int, typer.Option("-n", min=0, help="How many of the last lines.")] = 20,
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Show the last lines of the logs."""
    out = Output(as_json)
    folder = home_of(name).logs
    files = sorted(folder.glob(f"{process or '*'}.log"))
    if not files:
        there = ", ".join(path.stem for path in sorted(folder.glob("*.log"))) or "none"
        raise StackError(f"no log {process!r} in {folder}; there are: {there}")
    width = max(len(path.stem) for path in files)
    opened = [(path, path.open(errors="replace")) for path in files]
    for path, file in opened:
        for line in deque(file, maxlen=lines):
            _print(out, path, line, width, len(files) > 1)
    while follow:
        if not _print_new(out, opened, width):
            time.sleep(_POLL_S)


def _print_new(out: Output, opened: Sequence[tuple[Path, IO[str]]], width: int) -> bool:
    found = False
    for path, file in opened:
        for line in file:
            found = True
            _print(out, path, line, width, len(opened) > 1)
    return found


def _print(out: Output, path: Path, line: str, width: int, prefix: bool) -> None:
    text = line.rstrip("\n")
    out.record({"process": path.stem, "line": text}, f"{path.stem:<{width}} | {text}" if prefix else text)
