"""The short form of `make chaos`: every kind of fault, under load, on a stack of its own."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from benchmarks.chaos import report
from benchmarks.chaos.faults import deck

ROOT = Path(__file__).resolve().parents[2]
SEED = 7  # the same faults each time
LIMIT_S = 420
COMMAND = [sys.executable, "-m", "benchmarks.chaos", "--minutes", "0", "--seed", str(SEED), "--result"]


def test_every_accepted_request_is_answered_rightly_whatever_happens(tmp_path: Path) -> None:
    file = tmp_path / "chaos.json"
    said = subprocess.run(
        [*COMMAND, str(file)], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr
    result = report.read(file)
    assert {fault.name for fault in deck(random.Random(SEED))} <= {blow.name for blow in result.blows}
    assert result.spoilt > 0
    assert result.restarts == 0
    gentle = [blow for blow in result.blows if blow.name.startswith(("SIGTERM", "rolling"))]
    assert [blow.repeats for blow in gentle] == [0] * len(gentle)
