"""What a worker was at when it died, and whether one stands still: read in its journal, from outside."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pointsman.errors import SettingsError
from pointsman.runtimes import journal
from pointsman.runtimes.quarantine import SUSPECTED_S, Quarantine

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
# A library that is being loaded may hold the interpreter for long; so many times the patience is enough.
WHILE_LOADING: Final = 3
# Who ends in these ways was told to. An exit code says nothing: a model may end its process with any.
_ORDERLY: Final = (-signal.SIGTERM, -signal.SIGINT)


class Inquest:
    """Puts the versions that a dead worker was computing into quarantine.

    Where the worker ended itself, was ended for standing still, or the kernel ran out of memory, they go at
    once, those that were being loaded as well. A bare SIGKILL may be anybody's: the versions in a pass are
    struck, and go at the second within minutes.
    """

    def __init__(self, folder: str, patience_s: float) -> None:
        self._folder = folder
        self._patience_s = patience_s
        self._quarantine = Quarantine(folder)
        self._oom_kills = _oom_kills()
        self._stuck: set[int] = set()
        for path in sorted(Path(folder).glob(f"*{journal.SUFFIX}")):
            self._quarantine.strike(journal.read(path).passing)  # of a life that ended with its supervisor
            path.unlink(missing_ok=True)

    def hold(self, pid: int, status: int) -> bool:
        """Hold a dead worker's versions; return whether it was at work on any."""
        path = journal.path_of(self._folder, pid)
        found = journal.read(path)
        versions = found.passing | found.loading
        path.unlink(missing_ok=True)
        oom_kills, self._oom_kills = self._oom_kills, _oom_kills()
        if versions and status == -signal.SIGKILL and not self._was_own_doing(pid, oom_kills):
            self._quarantine.strike(found.passing)
        elif versions and status not in _ORDERLY:
            log.warning("the worker died while it was at %s", ", ".join(map(_said, sorted(versions))))
            self._quarantine.hold(versions, SUSPECTED_S)
        self._stuck.discard(pid)
        return bool(versions)

    async def watch(self, pid: int) -> None:
        """Kill a worker whose event loop stands still in a pass.

        Seconds in which it was stopped, or we were, do not count.
        """
        beats, still_s = -1, 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            found = journal.read(journal.path_of(self._folder, pid))
            if found.beats != beats or not found.passing:
                beats, still_s = found.beats, 0.0
            elif not _is_stopped(pid):
                still_s += LOOK_S
            if still_s > self._patience_s * (WHILE_LOADING if found.loading else 1):
                log.warning(
                    "the worker stands still in %s; it is killed", ", ".join(map(_said, found.passing))
                )
                self._stuck.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                return

    def _was_own_doing(self, pid: int, oom_kills: int) -> bool:
        return pid in self._stuck or self._oom_kills > oom_kills


@contextmanager
def folder(wanted: str) -> Iterator[str]:
    """Yield the folder for journals, ours alone: the one of the settings, or a temporary one."""
    if not wanted:
        with tempfile.TemporaryDirectory(prefix="pointsman-", ignore_cleanup_errors=True) as temporary:
            yield temporary
        return
    try:
        Path(wanted).mkdir(parents=True, exist_ok=True)
        lock = (Path(wanted) / "lock").open("a")
    except OSError as error:
        raise SettingsError(f"journal: {wanted} cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(f"journal: {wanted} is another pod's; give each its own") from error
        yield wanted


def _said(entry: journal.Entry) -> str:
    return f"{entry[0]}~{entry[1]}"


def _is_stopped(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in "Tt"


def _oom_kills() -> int:
    """Return how many processes this machine has ended for want of memory; 0 where it does not say."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0
