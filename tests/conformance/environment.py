"""Programs of clients that others wrote, run in environments of their own."""

from __future__ import annotations

import subprocess
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
RUNS_WITHIN_S = 180


def run(python: Path, program: str, *arguments: str) -> str:
    """Return what a program of `programs/` prints; fails with it where the program does."""
    done = subprocess.run(
        [python, "-W", "ignore", PROGRAMS / program, *arguments],
        capture_output=True,
        text=True,
        timeout=RUNS_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, f"{program} {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout
