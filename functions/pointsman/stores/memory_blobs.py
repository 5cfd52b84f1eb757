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

    async def touch(self, keys: Sequence[str], ttl_s: int) -> None:
        """Keep the bytes longer."""
        self._forget_expired()
        for key in keys:
            if key in self._blobs:
                self._keep(key, self._blobs[key][1], ttl_s)

    async def close(self) -> None:
        """Forget everything."""
        self._blobs.clear()

    def _keep(self, key: str, value: bytes, ttl_s: int) -> None:
        before = self._blobs[key][0] if key in self._blobs else 0.0
        self._blobs[key] = (max(before, self._clock() + ttl_s), value)

    def _forget_expired(self) -> None:
        now = self._clock()
        for key in [key for key, (until, _) in self._blobs.items() if until <= now]:
            del self._blobs[key]
