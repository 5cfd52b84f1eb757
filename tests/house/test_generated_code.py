from __future__ import annotations

from pathlib import Path

from scripts.proto import generate
from tests.house.tree import GENERATED


def test_the_generated_code_is_in_step_with_the_contracts(tmp_path: Path) -> None:
    generate(tmp_path)
    fresh = {path.name: path.read_text() for path in (tmp_path / "pointsman/pb/v1").iterdir()}
    committed = {path.name: path.read_text() for path in GENERATED.glob("*_pb2.py*")}
    assert committed == fresh, "run `make proto`"
