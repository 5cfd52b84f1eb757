from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from benchmarks.stream import report
from benchmarks.stream.generator import Measured
from benchmarks.stream.row import Round, Row, merge


def measured(rps: float, **changes: object) -> Measured:
    base = Measured(100, rps, 2.0, 5.0, 9.0, 1.0, 1000, 0.1, 1000, 1000, 0, 0, 0, {"1": 900, "2": 100})
    return msgspec.structs.replace(base, **changes)


def result(rows: list[Row]) -> report.Result:
    return report.Result(
        rows, {"cores": "2"}, {"engine": 500.0}, 12.0, 0, "2024-01-01 00:00 UTC", quick=False
    )


def test_rounds_become_their_median_and_losses_add_up() -> None:
    rounds = [Round(measured(rps, lost=1), {"engine": 0.01}) for rps in (10.0, 30.0, 20.0)]

    row = merge("echo", rounds)

    assert (row.rps, row.lost, row.rounds) == (20.0, 3, 3)
    assert row.cpu_us == {"engine": 10.0}
    assert row.versions == {"1": 0.9, "2": 0.1}


def test_the_json_has_one_row_a_line(tmp_path: Path) -> None:
    rows = [Row("echo", 1, 200.0, 4.0, 6.0), Row("pointsman", 1, 250.0, 3.0, 5.0)]
    path = tmp_path / "results" / "stream.json"

    report.write_json(result(rows), path)

    read = msgspec.json.decode(path.read_bytes())
    assert read["rows"][1] == {
        "case": "pointsman", "inflight": 1, "rps": 250.0, "p50_ms": 3.0, "p99_ms": 5.0,
    }  # fmt: skip
    assert sum('"case"' in line for line in path.read_text().splitlines()) == 2


def test_the_table_replaces_what_lay_between_the_markers(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    path.write_text("before\n<!-- benchmark: begin -->\nold\n<!-- benchmark: end -->\nafter\n")

    report.write_between_markers(report.markdown(result([Row("limit", 4000, 300_000.0, 12.0, 27.0)])), path)

    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| limit | 4,000 | 300,000 | 12.00 | 27.00 |" in text


def test_a_page_without_markers_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    path.write_text("findings")

    with pytest.raises(ValueError, match="lacks the markers"):
        report.write_between_markers("new", path)
    assert path.read_text() == "findings"


def test_the_ratio_to_the_plain_program_is_stated() -> None:
    rows = [Row("echo", 1, 200.0, 4.0, 6.0), Row("pointsman", 1, 250.0, 3.0, 5.0)]

    assert report.ratios(rows) == ["pointsman / echo at 1 in flight: 1.25 x requests/s, 0.75 x p50"]


def test_a_row_without_the_slow_neighbour_stands_beside_the_one_with_it() -> None:
    row = Row("mixed", 100, 50.0, 2.0, 4.0, alone={"rps": 80.0, "p50_ms": 1.0, "p99_ms": 2.0})

    assert [(one.case, one.rps) for one in report.expanded([row])] == [
        ("mixed, alone", 80.0),
        ("mixed", 50.0),
    ]


def test_the_summary_sets_the_product_beside_the_plain_program() -> None:
    rows = [
        Row("echo", 100, 200.0, 4.0, 6.0),
        Row("pointsman", 100, 2500.0, 3.0, 5.0),
        Row("limit", 100, 9.0, 1.0, 1.0),
    ]

    lines = report.summary(msgspec.structs.replace(result(rows), memory_mib={"all": 1536.0})).splitlines()

    assert lines[2:] == [
        "| 100 | 2,500 | 3.0 ms | 5.0 ms | 200 | 4.0 ms |",
        "",
        "The whole stack took 1.5 GiB of memory and was ready in 12 s.",
    ]
