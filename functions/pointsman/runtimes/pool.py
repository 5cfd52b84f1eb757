"""Which loaded versions to keep: the least recently used go first, counted in bytes of weights."""

from __future__ import annotations

from collections import OrderedDict

from pointsman.runtimes.base import Key


class Pool:
    """The order of use of loaded versions and their sizes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sizes: OrderedDict[Key, int] = OrderedDict()
        self._total = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._sizes

    @property
    def total(self) -> int:
        """Bytes of all that is in."""
        return self._total

    def add(self, key: Key, size: int) -> list[Key]:
        """Take in a version of `size` bytes and return those that must go for it, now out of the pool.

        The new version stays even if it alone is larger than the limit.
        """
        self.discard(key)
        self._sizes[key] = size
        self._total += size
        evicted = []
        while self._total > self._limit and len(self._sizes) > 1:
            oldest = next(iter(self._sizes))
            self.discard(oldest)
            evicted.append(oldest)
        return evicted

    def touch(self, key: Key) -> None:
        """Mark a version of the pool as used just now."""
        self._sizes.move_to_end(key)

    def discard(self, key: Key) -> None:
        """Take a version out, if it is in."""
        self._total -= self._sizes.pop(key, 0)
