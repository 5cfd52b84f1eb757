from __future__ import annotations

import ast
import statistics
from pathlib import Path

from tests.house.tree import ROOT, written

MAX_FILE_LINES = 400
MAX_P90_FUNCTION_LINES = 25


def test_every_source_file_is_shorter_than_400_lines() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in written(".py", ".java", ".c", ".h")}
    long = {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines >= MAX_FILE_LINES}
    assert long == {}


def test_nine_of_ten_functions_have_at_most_25_lines() -> None:
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in (ROOT / "functions" / "pointsman").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    ]
    assert statistics.quantiles(lengths, n=10)[8] <= MAX_P90_FUNCTION_LINES


def test_no_file_is_a_heap_of_odds_and_ends() -> None:
    heaps = {"utils", "util", "common", "helpers", "misc"}
    assert [path for path in written(".py", ".java") if path.stem.lower() in heaps] == []


def _lines_with(text: str, path: Path) -> list[str]:
    lines = path.read_text(errors="ignore").splitlines()
    return [f"{path.relative_to(ROOT)}:{number}" for number, line in enumerate(lines, 1) if text in line]


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    here = (f"{ROOT}/", f"{Path.home()}/")
    found = [place for path in written() for text in here for place in _lines_with(text, path)]
    assert found == []
