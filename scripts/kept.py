"""What is made once and kept under .cache/, each in a folder of its own."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def kept(name: str, made_of: str, make: Callable[[Path], None]) -> Path:
    """Return the folder that `make` fills the first time; one that it left half full is made anew.

    `made_of` is all that what lies in the folder depends on.
    """
    folder = ROOT / ".cache" / f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"
    finished = folder / "finished"
    if not finished.exists():
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        finished.touch()
    return folder
