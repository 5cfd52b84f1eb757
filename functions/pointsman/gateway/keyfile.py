"""The file of keys: read as a whole, changed in one step, seen by nobody but its owner."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pointsman.errors import SettingsError
from pointsman.gateway.key import Key, keys_from_lines, keys_to_lines


def read(path: Path) -> tuple[Key, ...]:
    """Return the keys in the file. Raises SettingsError naming the file and what is wrong."""
    try:
        return keys_from_lines(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"keys file {path}: {os.strerror(error.errno or 0)}") from error
    except SettingsError as error:
        raise SettingsError(f"keys file {path}, {error}") from error


def add(path: Path, key: Key) -> None:
    """Add a key; where there is no file it is made. Raises SettingsError where the name is taken."""

    def change(keys: tuple[Key, ...]) -> tuple[Key, ...]:
        if any(known.name == key.name for known in keys):
            raise SettingsError(f"a key named {key.name} exists; revoke it first, or choose another name")
        return (*keys, key)

    _change(path, change)


def remove(path: Path, name: str) -> None:
    """Remove a key. Raises SettingsError where there is none of this name."""

    def change(keys: tuple[Key, ...]) -> tuple[Key, ...]:
        left = tuple(key for key in keys if key.name != name)
        if len(left) == len(keys):
            raise SettingsError(f"no key is named {name!r}; `pointsman keys list` shows them")
        return left

    _change(path, change)


def _change(path: Path, change: Callable[[tuple[Key, ...]], tuple[Key, ...]]) -> None:
    target = path.resolve()  # a link stays a link
    try:
        with _locked(target.parent):
            keys = read(target) if target.exists() else ()
            _write(target, keys_to_lines(change(keys)))
    except OSError as error:
        raise SettingsError(f"keys file {path}: {os.strerror(error.errno or 0)}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other commands from changing a file of the folder; leaves no lock file behind."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.fsync(handle)  # the new name is on the disk, too
    finally:
        os.close(handle)


def _write(target: Path, data: bytes) -> None:
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            with suppress(OSError):  # so that a gateway of another user can still read what root changed
                old = target.stat()
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        os.unlink(draft)
        raise
