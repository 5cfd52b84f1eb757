"""A file system for the composed system: the machine's own, with more folders in it.

Everything happens in a mount namespace of its own, so the machine itself keeps its files as they are.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def enter(root: Path, mounts: Mapping[str, Path]) -> None:
    """Make `root` this process's file system: all of the machine's, and each source of `mounts` at its path.

    The process must be alone in a mount namespace with the right to mount.
    """
    root.mkdir()
    _mount("-t", "tmpfs", "tmpfs", str(root))
    opened = {str(parent) for path in mounts for parent in Path(path).parents}
    _mirror(Path("/"), root, opened, set(mounts))
    for path, source in mounts.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        _bind(source, target)
    os.chroot(root)
    os.chdir("/")


def _mirror(path: Path, root: Path, opened: set[str], replaced: set[str]) -> None:
    """Repeat `path` under `root`: folders in `opened` entry by entry, all others whole."""
    for entry in sorted(path.iterdir()):
        target = root / entry.relative_to("/")
        if str(entry) in replaced:
            continue
        if entry.is_symlink():
            target.symlink_to(entry.readlink())
        elif str(entry) in opened and entry.is_dir():
            target.mkdir()
            _mirror(entry, root, opened, replaced)
        elif entry.is_dir() or entry.is_file():
            _bind(entry, target)


def _bind(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    _mount("--rbind", str(source), str(target))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
