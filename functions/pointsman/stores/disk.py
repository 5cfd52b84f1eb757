"""A pod's folder of fetched artifacts, bounded in bytes; its workers share it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from pointsman.stores.lock import FileLock

_LOCK: Final = ".lock"
_PART: Final = ".part"


class Entry(NamedTuple):
    """All there is of one artifact: its name in the folder, its bytes, when it was last used (ns)."""

    name: str
    size: int
    used_ns: int


class Disk:
    """Files `NAME`, whole, and `NAME.part`, on their way; each is guarded by `NAME.lock`."""

    def __init__(self, folder: str, most_bytes: int) -> None:
        self._folder = Path(folder) if folder else Path.home() / ".cache" / "pointsman" / "artifacts"
        self._most = most_bytes

    def create(self) -> None:
        """Make the folder, for this user alone. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Return where an artifact lies, or will."""
        return self._folder / name

    def part(self, name: str) -> Path:
        """Return where its bytes are gathered."""
        return self._folder / f"{name}{_PART}"

    def lock(self, name: str, *, alone: bool) -> FileLock | None:
        """Return the artifact's lock, or None where others hold it. Raises OSError."""
        return FileLock.taken(self._folder / f"{name}{_LOCK}", alone=alone)

    def touch(self, name: str) -> None:
        """Note that an artifact is used."""
        os.utime(self.path(name))

    def has_room(self, size: int, name: str) -> bool:
        """Make room for an artifact of so many bytes; False: the others are in use, or it is too large.

        What the artifact has gathered so far counts as part of it. Raises OSError.
        """
        others = [entry for entry in self._entries() if entry.name != name]
        over = sum(entry.size for entry in others) + size - self._most
        for entry in sorted(others, key=lambda entry: entry.used_ns):
            if over <= 0:
                break
            over -= self._evicted(entry)
        return over <= 0

    def _evicted(self, entry: Entry) -> int:
        """Remove an artifact unless it is in use; return the bytes that this frees."""
        lock = self.lock(entry.name, alone=True)
        if lock is None:
            return 0
        try:
            self.path(entry.name).unlink(missing_ok=True)
            self.part(entry.name).unlink(missing_ok=True)
            lock.remove()
        finally:
            lock.close()
        return entry.size

    def _entries(self) -> list[Entry]:
        found: dict[str, Entry] = {}
        for path in self._folder.iterdir():
            if path.name.endswith(_LOCK):
                continue
            name = path.name.removesuffix(_PART)
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue  # evicted or renamed by another process at this moment
            before = found.get(name, Entry(name, 0, 0))
            found[name] = Entry(name, before.size + stat.st_size, max(before.used_ns, stat.st_mtime_ns))
        return list(found.values())
