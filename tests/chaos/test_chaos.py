"""The short form of `make chaos`: kills and stops by chance, under load, on a stack of its own."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.chaos.run import run

SECONDS = 75.0
RATE = 200.0
SEED = 7  # the same faults each time: among them every part alone, and two at once


def test_every_accepted_request_is_answered_rightly_whatever_dies(tmp_path: Path) -> None:
    said: list[str] = []
    result = run(tmp_path, SECONDS, RATE, random.Random(SEED), said.append)
    assert len(result.blows) >= 5, said
    assert result.accepted > SECONDS * RATE / 2
    assert result.lost == [], said
    assert result.wrong == [], said
