"""What files say, as long as somebody may change them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

from pointsman.errors import SettingsError

T = TypeVar("T")

LOOK_NS: Final = 500_000_000  # so a change takes hold within a second of the next time that somebody asks

# What differs after every change: time of the last write, inode, size. None: there is no such file.
Stamp: TypeAlias = tuple[int, int, int] | None

logger = logging.getLogger(__name__)


class Followed(Generic[T]):
    """Reads files again when they have changed. Threads may share it; `clock_ns` is monotonic.

    Files that cannot be used leave what was read before, and are logged once: while somebody writes them one
    may not fit the other yet. Then they are looked at again and again. `noun` says in the log what was read.
    Raises SettingsError as `read` does where they cannot be used at the start.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        read: Callable[[], T],
        noun: Callable[[T], str],
        clock_ns: Callable[[], int],
    ) -> None:
        self._paths = paths
        self._read = read
        self._noun = noun
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._looked_ns = clock_ns()
        self._seen = self._stamps()  # before reading: a change meanwhile shows later
        self._content = read()
        self._complaint = ""
        self.readings = 1
        """How many times they were read; a new number means that they may say something else."""

    def newest(self) -> T:
        """Return what they say, as far as they can be used."""
        with self._lock:
            now_ns = self._clock_ns()
            if now_ns - self._looked_ns >= LOOK_NS:
                self._looked_ns = now_ns
                self._look()
            return self._content

    def _look(self) -> None:
        seen = self._stamps()
        if seen == self._seen:
            self._complaint = ""
            return
        try:
            self._content = self._read()
        except SettingsError as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                logger.error("%s; the %s read before stay", error, self._noun(self._content))
        else:
            self._seen, self._complaint = seen, ""
            self.readings += 1
            logger.info("%s were read anew", self._noun(self._content))

    def _stamps(self) -> Sequence[Stamp]:
        return [_stamp(path) for path in self._paths]


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
