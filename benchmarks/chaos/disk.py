"""A file system so small that it can be filled."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SIZE: Final = "64m"
_INSIDE: Final = "POINTSMAN_CHAOS_INSIDE"
_BLOCK: Final = b"\0" * (64 << 10)


def enter_namespace() -> None:
    """Run this program again in a user and mount namespace of its own, where it may mount."""
    if os.environ.get(_INSIDE):
        return
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, *sys.orig_argv[1:]]
    os.execvpe(command[0], command, {**os.environ, _INSIDE: "1"})  # noqa: S606 - it becomes itself


@contextmanager
def small(folder: Path) -> Iterator[None]:
    """Let the folder be a small file system. It needs a namespace where mounting is allowed."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "chaos", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the folder's file system to the last byte, and make room again."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            _fill(file.fileno())
        yield
    finally:
        filler.unlink(missing_ok=True)


def _fill(descriptor: int) -> None:
    try:
        while os.write(descriptor, _BLOCK):
            pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
