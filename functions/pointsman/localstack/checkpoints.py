"""Which checkpoint a restarted engine resumes from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_DAMAGED: Final = "damaged"


def newest_first(folder: Path) -> list[Path]:
    """Return the checkpoints under `folder` that were completed, the one to resume from first.

    Ordered by the time their metadata was written: numbers repeat where a run resumed from an older one.
    """
    found = folder.glob("*/chk-*/_metadata")
    return [meta.parent for meta in sorted(found, key=lambda meta: meta.stat().st_mtime_ns, reverse=True)]


def set_aside(checkpoint: Path) -> Path:
    """Move a checkpoint that cannot be restored out of the way, for whoever wants to look at it."""
    folder = checkpoint.parents[1]
    target = folder.parent / f"{folder.name}-{_DAMAGED}" / f"{checkpoint.parent.name}-{checkpoint.name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    return checkpoint.rename(target)
