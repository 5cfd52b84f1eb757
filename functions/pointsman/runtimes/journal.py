"""What a process is computing, in a file that outlives it.

A forward pass may end its process, and nobody inside can say so afterwards. So each version has a place in a
file that is mapped into memory: a byte is set before a pass and cleared after it. That is no system call, and
the kernel keeps the bytes when the process dies.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

log = logging.getLogger(__name__)

# model, version, generation: a `Key` is one. Who reads a journal need not know of runtimes.
Entry: TypeAlias = tuple[str, str, int]

SUFFIX: Final = ".journal"
PLACES: Final = 1_024
_BEAT: Final = struct.Struct("<Q")
_PLACE: Final = 256
_TEXT: Final = 2  # within a place: what is done, the length of the name, the name
_IDLE, _PASS, _LOAD = 0, 1, 2


class Reading(NamedTuple):
    """What a journal says: beats of the event loop, versions in a pass, versions being loaded."""

    beats: int
    passing: frozenset[Entry]
    loading: frozenset[Entry]


class Mark:
    """A version's place. The one of a version that finds no place says nothing."""

    def __init__(self, memory: mmap.mmap | None, at: int) -> None:
        self._memory = memory
        self.at = at

    def passing(self) -> None:
        """Say that a pass begins."""
        if self._memory is not None:
            self._memory[self.at] = _PASS

    def loading(self) -> None:
        """Say that the version is being loaded."""
        if self._memory is not None:
            self._memory[self.at] = _LOAD

    def idle(self) -> None:
        """Say that it is over."""
        if self._memory is not None:
            self._memory[self.at] = _IDLE


class Journal:
    """The journal of this process. Places are claimed and freed on one thread."""

    def __init__(self, folder: str) -> None:
        """Write into `PID.journal` in the folder; "" or a folder that cannot be written: for nobody."""
        self._memory = _mapped(folder)
        self._free = list(range(PLACES - 1, -1, -1))
        self._beats = 0

    def beat(self) -> None:
        """Say that the event loop lives."""
        self._beats += 1
        _BEAT.pack_into(self._memory, 0, self._beats)

    def claim(self, key: Entry) -> Mark:
        """Return a place for a version."""
        if not self._free:
            return Mark(None, 0)
        at = _BEAT.size + self._free.pop() * _PLACE
        name = "~".join(map(str, key)).encode()
        if len(name) > _PLACE - _TEXT:
            return Mark(None, 0)
        self._memory[at : at + _TEXT + len(name)] = bytes((_IDLE, len(name))) + name
        return Mark(self._memory, at)

    def free(self, mark: Mark) -> None:
        """Take a place back."""
        if mark.at:
            mark.idle()
            self._free.append((mark.at - _BEAT.size) // _PLACE)


def path_of(folder: str, pid: int) -> Path:
    """Return where a process has its journal."""
    return Path(folder) / f"{pid}{SUFFIX}"


def read(path: Path) -> Reading:
    """Return what a journal says now; nothing where there is none."""
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    (beats,) = _BEAT.unpack_from(content) if len(content) >= _BEAT.size else (0,)
    entries = list(_entries(content))
    return Reading(
        beats,
        frozenset(entry for state, entry in entries if state == _PASS),
        frozenset(entry for state, entry in entries if state == _LOAD),
    )


def _entries(content: bytes) -> Iterator[tuple[int, Entry]]:
    for at in range(_BEAT.size, len(content) - _PLACE + 1, _PLACE):
        if content[at] == _IDLE:
            continue
        name = content[at + _TEXT : at + _TEXT + content[at + 1]].decode(errors="replace")
        model, _, rest = name.partition("~")
        version, _, generation = rest.partition("~")
        if generation.isdecimal():
            yield content[at], (model, version, int(generation))


def _mapped(folder: str) -> mmap.mmap:
    size = _BEAT.size + PLACES * _PLACE
    if not folder:
        return mmap.mmap(-1, size)
    path = path_of(folder, os.getpid())
    try:
        # Written, not only made longer: on a full disk a page that is not there yet would end the process.
        path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            return mmap.mmap(file.fileno(), size)
    except OSError as error:
        log.warning("no journal in %s: %s; what ends this process will not be found", folder, error)
        return mmap.mmap(-1, size)
