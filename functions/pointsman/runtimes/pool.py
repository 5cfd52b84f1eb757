"""The memory of a pod: which versions are in it, in the order of their use, counted in bytes of weights."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from pointsman.runtimes.base import Key


class Memory(msgspec.Struct, frozen=True):
    """What a pod holds, the most it ever held and what it may hold, in bytes of weights."""

    total: int = 0
    peak: int = 0
    limit: int = 0


class Pool:
    """Sizes of what is in memory, of what is being loaded and of what has not left yet.

    A version that was put out counts until it is unloaded: it may be in a pass.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._in: OrderedDict[Key, int] = OrderedDict()
        self._coming: dict[Key, int] = {}
        self._pinned: dict[Key, int] = {}
        self.leaving = 0
        self._total = self._peak = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._in

    def __iter__(self) -> Iterator[Key]:
        """Yield what is in memory, the least recently used first."""
        return iter(self._in)

    @property
    def memory(self) -> Memory:
        """The sums."""
        return Memory(self._total, self._peak, self.limit)

    def lacks(self, size: int) -> int:
        """Return the bytes that must go before `size` more fit; 0 or less: they fit."""
        return self._total + size - self.limit

    def room(self, key: Key) -> int:
        """Return the most that a version may ever have: all but what other versions are pinned with."""
        return self.limit - sum(self._pinned.values()) + self._pinned.get(key, 0)

    def pin(self, key: Key, size: int) -> None:
        """Let a version stay, in memory or on its way there."""
        self._pinned[key] = size

    def unpin(self, key: Key) -> None:
        """Let it go as others do."""
        self._pinned.pop(key, None)

    def is_pinned(self, key: Key) -> bool:
        """Whether a version is to stay."""
        return key in self._pinned

    def reserve(self, key: Key, size: int) -> None:
        """Count a version that is being loaded."""
        self._coming[key] = size
        self._count(size)

    def unreserve(self, key: Key) -> None:
        """Forget a load that came to nothing."""
        self._count(-self._coming.pop(key, 0))

    def add(self, key: Key, size: int) -> None:
        """Take in a version that was loaded, as the one used last. What it replaces is leaving."""
        self.unreserve(key)
        self.put_out(key)
        self._in[key] = size
        if key in self._pinned:
            self._pinned[key] = size
        self._count(size)

    def pass_by(self, key: Key, size: int) -> None:
        """Count a version that was loaded and is not wanted: it is leaving."""
        self.unreserve(key)
        self.leaving += size
        self._count(size)

    def touch(self, key: Key) -> None:
        """Mark a version as used just now."""
        self._in.move_to_end(key)

    def put_out(self, key: Key) -> None:
        """Take a version out, if it is in; its bytes are leaving."""
        self.leaving += self._in.pop(key, 0)

    def left(self, size: int) -> None:
        """Take note that so many bytes that were leaving are free."""
        self.leaving -= size
        self._count(-size)

    def _count(self, size: int) -> None:
        self._total += size
        self._peak = max(self._peak, self._total)
