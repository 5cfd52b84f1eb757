"""Which checkpoint a restarted engine resumes from."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

_DAMAGED: Final = "damaged"


def newest_first(folder: Path) -> list[Path]:
    """Return the checkpoints under `folder` that were completed, the one to resume from first.

    Ordered by the time their metadata was written: numbers repeat where a run resumed from an older one.
    """
    return [checkpoint for _, checkpoint in sorted(written(folder), reverse=True)]


def written(folder: Path) -> list[tuple[int, Path]]:
    """Return the completed checkpoints under `folder`, and when each was, in ns of the machine's clock.

    A running job may delete one meanwhile.
    """
    found: list[tuple[int, Path]] = []
    for meta in folder.glob("*/chk-*/_metadata"):
        with contextlib.suppress(FileNotFoundError):
            found.append((meta.stat().st_mtime_ns, meta.parent))
    return found


def set_aside(checkpoint: Path) -> Path:
    """Move a checkpoint that cannot be restored out of the way, for whoever wants to look at it."""
    folder = checkpoint.parents[1]
    target = folder.parent / f"{folder.name}-{_DAMAGED}" / f"{checkpoint.parent.name}-{checkpoint.name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    return checkpoint.rename(target)
