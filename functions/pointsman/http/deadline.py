"""A moment until which something must have happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `missed` when its moment comes, unless it is cleared or set anew before.

    It knows whom to call only while it is set: so one that belongs to whom it calls goes with it.
    """

    __slots__ = ("_handle",)

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Whether the moment is still to come."""
        return self._handle is not None

    def set(self, seconds: float, missed: Callable[[], None]) -> None:
        """Let the moment be so far from now."""
        self.clear()
        self._handle = asyncio.get_running_loop().call_later(seconds, self._come, missed)

    def clear(self) -> None:
        """Let the moment never come."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _come(self, missed: Callable[[], None]) -> None:
        self._handle = None
        missed()
