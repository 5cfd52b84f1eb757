"""Where the job's present life began: no state from before may come back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pointsman.errors import StackError
from pointsman.localstack import checkpoints, savepoint
from pointsman.localstack.home import Home


class Origin(msgspec.Struct, frozen=True):
    """The savepoint that the job was started from, empty for none, and when, in ns since the epoch.

    Without one, requests since `reread_ms` (ms since the epoch) are read again; 0: none are.
    """

    savepoint: str = ""
    since_ns: int = 0
    reread_ms: int = 0


def load(home: Home) -> Origin:
    """Return the origin of the home's job. Raises StackError where it is damaged: state is never guessed."""
    try:
        return msgspec.json.decode(home.origin.read_bytes(), type=Origin)
    except FileNotFoundError:
        return Origin()
    except (OSError, msgspec.MsgspecError) as error:
        raise StackError(
            f"{home.origin} is unreadable ({error}); name a savepoint with `pointsman restore`, "
            "or `pointsman rebuild`"
        ) from error


def save(home: Home, origin: Origin) -> None:
    """Write the origin in one step. Raises StackError where the disk does not allow it."""
    _write(home, msgspec.json.encode(origin))


@contextmanager
def begun(home: Home, origin: Origin) -> Iterator[None]:
    """Let the job begin at an origin; where that fails the old one is put back. Raises StackError."""
    before = home.origin.read_bytes() if home.origin.exists() else None
    _write(home, msgspec.json.encode(origin))
    try:
        yield
    except BaseException:
        if before is None:
            home.origin.unlink(missing_ok=True)
        else:
            _write(home, before)
        raise


def choices(home: Home) -> list[Path]:
    """Return what the job may resume from, the best first. Raises StackError where its savepoint is gone."""
    origin = load(home)
    later = [
        path
        for path in checkpoints.newest_first(home.checkpoints)
        if (path / savepoint.METADATA).stat().st_mtime_ns > origin.since_ns
    ]
    if not origin.savepoint or (later and not Path(origin.savepoint, savepoint.METADATA).is_file()):
        return later
    return [*later, savepoint.find(origin.savepoint)]


def _write(home: Home, value: bytes) -> None:
    fresh = home.origin.with_suffix(".new")
    try:
        fresh.write_bytes(value)
        os.replace(fresh, home.origin)
    except OSError as error:
        raise StackError(f"{home.origin} cannot be written: {error.strerror}") from error
