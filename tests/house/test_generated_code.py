from __future__ import annotations

from pathlib import Path

from scripts.proto import generate
from tests.house.tree import GENERATED


def test_the_generated_code_is_in_step_with_the_contracts(tmp_path: Path) -> None:
    generate(tmp_path)
    fresh = _texts(tmp_path / "pointsman/pb")
    assert len(fresh) > 0
    assert _texts(GENERATED) == fresh, "run `make proto`"


def _texts(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.glob("*/*_pb2.py*")}
