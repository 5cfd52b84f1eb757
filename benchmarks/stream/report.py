"""The result as JSON, as a table on the terminal, and as tables in docs/performance.md and README.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.stream.machine import measured
from benchmarks.stream.row import Row

MARKDOWN: Final = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
HEADINGS: Final = ("case", "in flight", "requests/s", "p50 ms", "p99 ms", "CPU µs per request")
MEANING: Final = {
    "limit": "broker alone, 264-byte records out and back",
    "bare": "the served torch MLP in a loop, no engine; in flight = rows per call",
    "echo": "the SDK's own handler, 264 bytes through two functions",
    "pointsman": "the same MLP, two versions at 90/10, everything on",
    "mixed": "20 small models while a 20 ms model is flooded (alone: without it)",
}


class Result(msgspec.Struct, frozen=True):
    """All of one benchmark run.

    `ready_s` is how long the stack took to be ready; `restarts` how often Flink restarted the job meanwhile.
    """

    rows: list[Row]
    machine: dict[str, str]
    memory_mib: dict[str, float]
    ready_s: float
    restarts: int | None
    at: str
    quick: bool


def write_json(result: Result, path: Path) -> None:
    """Write the result, one row a line so that a difference reads well."""
    fields: dict[str, Any] = msgspec.to_builtins(result)
    rows = ",\n".join(f"    {msgspec.json.encode(row).decode()}" for row in fields.pop("rows"))
    rest = "".join(f',\n  "{name}": {msgspec.json.encode(value).decode()}' for name, value in fields.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{\n  "rows": [\n{rows}\n  ]{rest}\n}}\n')


def show(result: Result, console: Console) -> None:
    """Print the result as a table, less the CPU times, and the lines below it."""
    table = Table(*HEADINGS[:-1])
    for row in expanded(result.rows):
        table.add_row(*cells(row)[:-1])
    console.print(table)
    for line in notes(result):
        console.print(f"- {line}")


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as text, one cell per heading."""
    spent = ", ".join(f"{name} {value:.1f}" for name, value in row.cpu_us.items() if value >= 0.05)
    return (row.case, f"{row.inflight:,}", f"{row.rps:,.0f}", f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}", spent)


def write_between_markers(text_for_them: str, path: Path, name: str = "benchmark") -> None:
    """Put Markdown between the markers of `path`. Raises ValueError where the markers are missing."""
    opening, closing = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = path.read_text()
    head, begin, rest = text.partition(opening)
    _, end, tail = rest.partition(closing)
    if not begin or not end:
        raise ValueError(f"{path} lacks the markers {opening} and {closing}")
    path.write_text(f"{head}{opening}\n{text_for_them}\n{closing}{tail}")


def markdown(result: Result) -> str:
    """Return the result as Markdown: the cases, the table, the notes."""
    lines = [f"- `{name}`: {text}" for name, text in MEANING.items()]
    lines += ["", "| " + " | ".join(HEADINGS) + " |", "|---|---:|---:|---:|---:|---|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in expanded(result.rows)]
    return "\n".join([*lines, "", *(f"- {line}" for line in notes(result))])


def summary(result: Result) -> str:
    """Return the product's and the plain program's rows side by side, and what the stack takes."""
    rows = {(row.case, row.inflight): row for row in result.rows}
    lines = [
        "| in flight | pointsman, requests/s | p50 | p99 | echo, requests/s | p50 |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for (case, inflight), ours in rows.items():
        echo = rows.get(("echo", inflight))
        if case == "pointsman" and echo is not None:
            lines.append(
                f"| {inflight:,} | {ours.rps:,.0f} | {ours.p50_ms:.1f} ms | {ours.p99_ms:.1f} ms "
                f"| {echo.rps:,.0f} | {echo.p50_ms:.1f} ms |"
            )
    memory = result.memory_mib.get("all", 0) / 1024
    return "\n".join(
        [
            *lines,
            "",
            f"The whole stack took {memory:.1f} GiB of memory and was ready in {result.ready_s:.0f} s.",
        ]
    )


def notes(result: Result) -> list[str]:
    """Return what the table does not say, a sentence a line."""
    lost = sum(row.lost for row in result.rows)
    errors = sum(row.errors for row in result.rows)
    memory = ", ".join(f"{name} {value:.0f}" for name, value in result.memory_mib.items())
    lines = [
        *ratios(result.rows),
        f"lost {lost}, answered with an error {errors}, restarts of the job {result.restarts}",
        f"stack ready in {result.ready_s:.1f} s; its memory after the run, MiB (PSS): {memory}",
        measured(result.at, result.machine),
    ]
    return [*lines, "a quick run: one short round, figures are rough"] if result.quick else lines


def expanded(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the slow neighbour's absence as a row of its own."""
    found: list[Row] = []
    for row in rows:
        if row.alone:
            found.append(Row(case=f"{row.case}, alone", inflight=row.inflight, **row.alone))  # type: ignore[arg-type]
        found.append(row)
    return found


def ratios(rows: Sequence[Row]) -> list[str]:
    """Return what the goals are stated in: pointsman against the plain program."""
    by = {(row.case, row.inflight): row for row in rows}
    lines = []
    for inflight in sorted({row.inflight for row in rows if row.case == "pointsman"}):
        ours, plain = by["pointsman", inflight], by.get(("echo", inflight))
        if plain is None or not plain.rps or not plain.p50_ms:
            continue
        lines.append(
            f"pointsman / echo at {inflight:,} in flight: "
            f"{ours.rps / plain.rps:.2f} x requests/s, {ours.p50_ms / plain.p50_ms:.2f} x p50"
        )
    return lines
