"""Environments of clients that others wrote, each made once and kept under .cache/."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.kept import kept

PROGRAMS = Path(__file__).parent / "programs"
INSTALLS_WITHIN_S = 600
RUNS_WITHIN_S = 180


def python_with(*requirements: str, alone: Sequence[str] = ()) -> Path:
    """Return the interpreter of an environment that has these and nothing of ours.

    Those in `alone` are installed without what they require: somebody's stubs, but not the framework.
    """

    def make(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = (folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        subprocess.run([*pip, *requirements], check=True, timeout=INSTALLS_WITHIN_S)
        if alone:
            subprocess.run([*pip, "--no-deps", *alone], check=True, timeout=INSTALLS_WITHIN_S)

    named = [sys.version, *requirements, *(f"--no-deps {one}" for one in alone)]
    return kept("client", "\n".join(named), make) / "bin" / "python"


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
