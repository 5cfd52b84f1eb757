"""The last ids that came by, each with where and when its first record was written."""

from __future__ import annotations

import struct
from typing import Final

import xxhash

# 128 bits of the id, 64 of the place, milliseconds since the epoch.
_ENTRY: Final = struct.Struct("<16s8sQ")
ENTRY_BYTES: Final = _ENTRY.size
_LATEST_MS: Final = 2**63 - 1


class Window:
    """A bounded memory of ids: of so many at most, and for so long; the oldest leaves first.

    A repeat of an id is told for certain if fewer than `capacity` other ids were admitted since the first.
    """

    def __init__(self, entries: bytes, capacity: int, span_ms: int) -> None:
        self._seen = {key: (place, at) for key, place, at in _ENTRY.iter_unpack(entries)}
        self._capacity = capacity
        self._span_ms = span_ms

    def admits(self, request_id: str, place: str, at_ms: int) -> bool:
        """Whether a record is not the repeat of another one; then it is remembered.

        `place` is the record's own: delivered again it is not its own repeat. `at_ms` is when it was
        written: further than the span from the first of its id it is a new request.
        """
        key = xxhash.xxh3_128_digest(request_id.encode())
        mine, now = xxhash.xxh3_64_digest(place.encode()), min(max(at_ms, 0), _LATEST_MS)
        known = self._seen.get(key)
        if known is not None and known[0] == mine:
            return True
        if known is not None and abs(now - known[1]) <= self._span_ms:
            return False
        self._seen.pop(key, None)
        self._seen[key] = mine, now
        return True

    def to_bytes(self) -> bytes:
        """Return the newest entries, as many as the capacity takes."""
        kept = list(self._seen.items())[-self._capacity :]
        return b"".join([_ENTRY.pack(key, place, at) for key, (place, at) in kept])
