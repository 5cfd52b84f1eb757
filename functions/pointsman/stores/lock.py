"""A lock between processes: a file that disappears with what it guards."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO, Self


class FileLock:
    """Held alone or shared, until `close`; the kernel frees it where the process ends."""

    def __init__(self, handle: IO[bytes], path: Path) -> None:
        self._handle = handle
        self._path = path

    @classmethod
    def taken(cls, path: Path, *, alone: bool) -> Self | None:
        """Return the lock, or None where others hold it. Raises OSError."""
        while True:
            handle = path.open("ab")
            try:
                fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
                with contextlib.suppress(FileNotFoundError):
                    if os.fstat(handle.fileno()).st_ino == path.stat().st_ino:
                        return cls(handle, path)
            except BlockingIOError:
                handle.close()
                return None
            except BaseException:
                handle.close()
                raise
            handle.close()  # it was removed before we had it: the next one is another file

    @classmethod
    def awaited(cls, path: Path) -> Self:
        """Return the lock, alone, once nobody else has it: that of a file which stays. Raises OSError."""
        handle = path.open("ab")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except BaseException:
            handle.close()
            raise
        return cls(handle, path)

    def remove(self) -> None:
        """Take the file away; who waits for it makes a new one. Only for who holds it alone."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go."""
        self._handle.close()
