"""A pod's folder of fetched artifacts, bounded in bytes; its workers share it."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

from pointsman.stores.lock import FileLock

_LOCK: Final = ".lock"
_PART: Final = ".part"


class Entry(NamedTuple):
    """All there is of one artifact: its name in the folder, its bytes or those to come, its last use (ns)."""

    name: str
    size: int
    used_ns: int


class Disk:
    """Files `NAME`, whole, and `NAME.part`, on their way; each is guarded by `NAME.lock`.

    In that lock's file stands how many bytes the artifact will have, while it is on its way: so many are kept
    for it. Who asks for room does so under the folder's own `.lock`.
    """

    def __init__(self, folder: str, most_bytes: int) -> None:
        self._folder = Path(folder) if folder else Path.home() / ".cache" / "pointsman" / "artifacts"
        self._most = most_bytes

    def create(self) -> None:
        """Make the folder, for this user alone. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, name: str) -> Path:
        """Return where an artifact lies, or will."""
        return self._folder / name

    def holds(self, path: Path) -> bool:
        """Whether a file really lies here, links and dots resolved."""
        return path.resolve().is_relative_to(self._folder.resolve())

    def part(self, name: str) -> Path:
        """Return where its bytes are gathered."""
        return self._folder / f"{name}{_PART}"

    def lock(self, name: str, *, alone: bool) -> FileLock | None:
        """Return the artifact's lock, or None where others hold it. Raises OSError."""
        return FileLock.taken(self._claims(name), alone=alone)

    def touch(self, name: str) -> None:
        """Note that an artifact is used."""
        os.utime(self.path(name))

    def claim(self, size: int, name: str) -> bool:
        """Keep room for an artifact of so many bytes; False: the others are in use, or it is too large.

        What it has gathered so far counts as part of it. Only for who holds its lock alone, and until that
        says `settle`. Raises OSError.
        """
        with closing(FileLock.awaited(self._folder / _LOCK)):
            has_room = self._has_room(size, name)
            if has_room:
                self._claims(name).write_text(str(size))
        return has_room

    def settle(self, name: str, lock: FileLock) -> None:
        """Let an artifact count for what is there of it; where that is nothing, its lock goes too."""
        if self.path(name).exists() or self.part(name).exists():
            self._claims(name).write_text("")
        else:
            lock.remove()

    def _has_room(self, size: int, name: str) -> bool:
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
        names = {path.name.removesuffix(_LOCK).removesuffix(_PART) for path in self._folder.iterdir()}
        return [self._entry(name) for name in names if name]

    def _entry(self, name: str) -> Entry:
        # First what is claimed: that ends when the whole file is there.
        claimed, size, used_ns = self._claimed(name), 0, 0
        for path in (self.path(name), self.part(name)):
            with suppress(FileNotFoundError):  # evicted or renamed by another process at this moment
                stat = path.stat()
                size, used_ns = size + stat.st_size, max(used_ns, stat.st_mtime_ns)
        return Entry(name, max(size, claimed), used_ns)

    def _claimed(self, name: str) -> int:
        with suppress(FileNotFoundError):
            text = self._claims(name).read_bytes()
            return int(text) if text.isdigit() else 0
        return 0

    def _claims(self, name: str) -> Path:
        return self._folder / f"{name}{_LOCK}"
