"""Blobs in this process: for tests, and where one process is all there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pointsman.stores.blobs import blob_key


class MemoryBlobs:
    """Keeps bytes in a dictionary; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._blobs: dict[str, tuple[float, bytes]] = {}
        self._kept: set[str] = set()

    async def put(self, value: bytes, ttl_s: int) -> str:
        """Store the bytes and return their key."""
        self._forget_expired()
        key = blob_key(value)
        self._keep(key, value, ttl_s)
        return key

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of each key, or None."""
        self._forget_expired()
        return [self._blobs[key][1] if key in self._blobs else None for key in keys]

    async def keep(self, keys: Sequence[str], ttl_s: int, most_bytes: int) -> int:
        """Keep the bytes longer, up to a bound of bytes in all."""
        self._forget_expired()
        count = 0
        for key in keys:
            if key in self._blobs and self._has_room(key, most_bytes):
                self._kept.add(key)
                self._keep(key, self._blobs[key][1], ttl_s)
                count += 1
        return count

    async def let_go(self, keys: Sequence[str], ttl_s: int) -> None:
        """Let what was kept expire."""
        self._forget_expired()
        for key in self._kept & set(keys):
            until, value = self._blobs[key]
            self._blobs[key] = (min(until, self._clock() + ttl_s), value)
            self._kept.remove(key)

    async def are_there(self, keys: Sequence[str]) -> list[bool]:
        """Return for each key whether there are bytes."""
        return [value is not None for value in await self.get_many(keys)]

    def _has_room(self, key: str, most_bytes: int) -> bool:
        if key in self._kept:
            return True
        kept = sum(len(self._blobs[other][1]) for other in self._kept)
        return kept + len(self._blobs[key][1]) <= most_bytes

    async def close(self) -> None:
        """Forget everything."""
        self._blobs.clear()
        self._kept.clear()

    def _keep(self, key: str, value: bytes, ttl_s: int) -> None:
        before = self._blobs[key][0] if key in self._blobs else 0.0
        self._blobs[key] = (max(before, self._clock() + ttl_s), value)

    def _forget_expired(self) -> None:
        now = self._clock()
        for key in [key for key, (until, _) in self._blobs.items() if until <= now]:
            del self._blobs[key]
        self._kept &= self._blobs.keys()
