"""Who may load next: few at a time, each with its room in memory made beforehand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import IntEnum
from typing import Final

import msgspec

from pointsman.errors import RESOURCE_EXHAUSTED, Failure, LoadError
from pointsman.runtimes.base import Key
from pointsman.runtimes.pool import Pool

# A load waits for the disk most of the time; one that takes minutes must not keep all others waiting.
LOADERS: Final = 8
# Of these, so many are for requests that wait.
SPARE: Final = 2


class Urgency(IntEnum):
    """Why a version is loaded, the most urgent first."""

    DEMAND = 0  # requests wait for it
    PROOF = 1  # nobody has loaded it yet, or it is pinned
    AHEAD = 2  # there is room for it: nothing else leaves memory for it


class _Wait(msgspec.Struct, eq=False):
    key: Key
    size: int
    urgency: Urgency
    granted: asyncio.Future[bool]


class Berths:
    """Lets loads begin, the more urgent first, those of one urgency in the order in which they came.

    A load begins once its size fits into the pool; for that the least recently used versions are put out and
    have left. So the memory is not overrun while something is loaded. Lives on one event loop.
    """

    def __init__(self, pool: Pool, victim: Callable[[], Key | None], put_out: Callable[[Key], None]) -> None:
        """`victim` says which version is to leave memory next, None: none can just now."""
        self._pool = pool
        self._victim = victim
        self._put_out = put_out
        self._waits: dict[Key, _Wait] = {}
        self._loading: dict[Key, Urgency] = {}
        self._is_woken = False

    async def take(self, key: Key, size: int, urgency: Urgency) -> bool:
        """Return when the load may begin, its size counted; `leave` must follow.

        False: it may not, and nothing follows. One AHEAD found no room, or it was withdrawn. Raises LoadError
        for one that can never fit.
        """
        wait = _Wait(key, size, urgency, asyncio.get_running_loop().create_future())
        self._waits[key] = wait
        self.wake()
        try:
            return await wait.granted
        finally:
            if self._waits.get(key) is wait:  # the caller was cancelled
                del self._waits[key]

    @property
    def expected(self) -> int:
        """Bytes of what waits to be loaded."""
        return sum(wait.size for wait in self._waits.values())

    def leave(self, key: Key) -> None:
        """Take note that a load has ended; what it reserved and was not added to the pool is free."""
        self._loading.pop(key, None)
        self._pool.unreserve(key)
        self.wake()

    def hurry(self, key: Key) -> None:
        """Let one that waits be loaded for requests that came meanwhile."""
        wait = self._waits.get(key)
        if wait is not None and wait.urgency is not Urgency.DEMAND:
            wait.urgency = Urgency.DEMAND
            self.wake()

    def withdraw(self, key: Key) -> None:
        """Let one that waits go: nobody wants it any more."""
        if key in self._waits:
            self._waits.pop(key).granted.set_result(False)

    def wake(self) -> None:
        """See, once this turn of the event loop is over, who may begin."""
        if not self._is_woken:
            self._is_woken = True
            asyncio.get_running_loop().call_soon(self._let)

    def _let(self) -> None:
        self._is_woken = False
        while (wait := self._next()) is not None:
            if self._pool.lacks(wait.size) <= 0:
                self._begin(wait)
            elif wait.urgency is Urgency.AHEAD:
                self.withdraw(wait.key)
            elif not self._make_room(wait):
                return

    def _next(self) -> _Wait | None:
        free = LOADERS - len(self._loading)
        unasked = sum(urgency is not Urgency.DEMAND for urgency in self._loading.values())
        if free <= 0:
            return None
        wait = min(self._waits.values(), key=lambda one: one.urgency, default=None)
        is_held = wait is not None and wait.urgency is not Urgency.DEMAND and unasked >= LOADERS - SPARE
        return None if is_held else wait

    def _make_room(self, wait: _Wait) -> bool:
        """Put out what must go; return whether to look again now, and not when something has left."""
        room = self._pool.room(wait.key)
        if wait.size > room:
            del self._waits[wait.key]
            wait.granted.set_exception(LoadError(crowded(wait.size, room, self._pool.limit)))
            return True
        while self._pool.lacks(wait.size) > self._pool.leaving:
            # Where all others are pinned or waited for, it is its own place that it takes.
            victim = self._victim() or (wait.key if wait.key in self._pool else None)
            if victim is None:
                break
            self._put_out(victim)
        return self._pool.lacks(wait.size) <= 0

    def _begin(self, wait: _Wait) -> None:
        del self._waits[wait.key]
        self._loading[wait.key] = wait.urgency
        self._pool.reserve(wait.key, wait.size)
        wait.granted.set_result(True)


def crowded(size: int, room: int, limit: int) -> Failure:
    """Return why a version of `size` bytes can never be loaded where it may have `room`."""
    message = f"{size:,} bytes are more than the setting `cache_bytes` of its pods, {limit:,}"
    if size <= limit:
        message = (
            f"{size:,} bytes do not fit beside what is pinned: of the setting `cache_bytes`, {limit:,}, "
            f"{max(room, 0):,} are left; pin less, or raise it"
        )
    return Failure(RESOURCE_EXHAUSTED, message, "uri")
