from __future__ import annotations

from pathlib import Path

from benchmarks.sheet import Sheet


def test_a_sheet_stands_between_its_markers_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- it: begin -->\nold\n<!-- it: end -->\nafter\n")
    sheet = Sheet("it", ("what", "when", "p99"), [("small", "now", "3")], ["one note", "another"], texts=2)

    sheet.publish(page)

    table = "| what | when | p99 |\n|---|---|---:|\n| small | now | 3 |\n\n- one note\n- another"
    assert page.read_text() == f"before\n<!-- it: begin -->\n{table}\n<!-- it: end -->\nafter\n"
