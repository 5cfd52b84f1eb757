"""Which versions must not compute in the pod's own process, because one of their requests may end it."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from pointsman.runtimes.journal import Entry

log = logging.getLogger(__name__)

# A version that was at work when its process died is held for this long: its calls come again within
# seconds, and will show whether it was the one.
SUSPECTED_S: Final = 60.0
# After each death of the process that it has in quarantine.
GUILTY_S: Final = 600.0
# Two deaths that may be anybody's work make a suspect if they are no further apart.
STRIKE_S: Final = 300.0
MOST: Final = 1_024
_FILE: Final = "quarantine.json"
# How often a process looks for what the others have written: at each call it cost a sixth of the event loop's
# time. A call that killed its process may so meet another one that does not know yet, as it may anyway.
LOOK_S: Final = 0.005


class Term(msgspec.Struct):
    """A version's entry, in seconds of the system's clock: held `until` then, `struck` at this time."""

    until: float = 0.0
    struck: float = 0.0


class Quarantine:
    """A file in a folder that all workers of a pod and their supervisor share; "" is for one process alone.

    Terms only grow, and end by time. What cannot be written is remembered by this process alone. Its methods
    may be called on any thread.
    """

    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        self._path = Path(folder) / _FILE if folder else None
        self._clock = clock
        self._terms: dict[str, Term] = {}
        self._stamp: tuple[int, int] = (0, 0)
        self._looked = -LOOK_S

    def holds(self, key: Entry) -> bool:
        """Whether a version is to compute in a process of its own."""
        now = self._clock()
        if not 0 <= now - self._looked < LOOK_S:
            self._looked = now
            self._refresh()
        term = self._terms.get(_name(key))
        return term is not None and self._clock() < term.until

    def hold(self, keys: Iterable[Entry], seconds: float) -> None:
        """Hold versions for so long from now on."""
        until = self._clock() + seconds
        self._add({_name(key): Term(until=until) for key in keys})

    def strike(self, keys: Iterable[Entry]) -> None:
        """Take note of versions that may be innocent; one that was struck before, a moment ago, is held."""
        self._refresh()
        now, fresh = self._clock(), {}
        for name in map(_name, keys):
            before = self._terms.get(name, Term()).struck
            again = before and now - before < STRIKE_S
            fresh[name] = Term(now + SUSPECTED_S if again else 0.0, now)
        self._add(fresh)

    def _add(self, fresh: dict[str, Term]) -> None:
        if not fresh:
            return
        try:
            if self._path is None:
                self._merge(fresh)
            else:
                self._write(self._path, fresh)
        except OSError as error:
            log.warning("the quarantine cannot be written: %s", error)
            self._merge(fresh)

    def _write(self, path: Path, fresh: dict[str, Term]) -> None:
        with path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._refresh()
            self._merge(fresh)
            draft = path.with_suffix(".new")
            draft.write_bytes(msgspec.json.encode(self._terms))
            os.replace(draft, path)

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            stat = os.stat(self._path)
        except OSError:
            return
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp == self._stamp:
            return
        try:
            self._merge(msgspec.json.decode(self._path.read_bytes(), type=dict[str, Term]))
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("the quarantine is unreadable: %s", error)
        self._stamp = stamp

    def _merge(self, others: dict[str, Term]) -> None:
        """Take in others' terms; forget what is over, and beyond MOST what ends first."""
        now, terms = self._clock(), dict(self._terms)
        for name, other in others.items():
            mine = terms.get(name, Term())
            # A clock that was set back must hold nobody for ever.
            until = min(max(mine.until, other.until), now + GUILTY_S)
            terms[name] = Term(until, min(max(mine.struck, other.struck), now))
        alive = [(name, one) for name, one in terms.items() if max(one.until, one.struck + STRIKE_S) > now]
        self._terms = dict(sorted(alive, key=lambda pair: pair[1].until)[-MOST:])


def _name(key: Entry) -> str:
    return "~".join(map(str, key))
