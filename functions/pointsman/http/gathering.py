"""Answers leave together while there is more to answer.

The engine reads whatever has come: ten answers at once cost it, and the broker after it, little more than
one. So while other requests are being worked on an answer waits for theirs, for a moment. One request alone
is answered at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Self

# A request takes ten times as long where there are others, and twenty on busy cores.
GATHER_S: Final = 0.002


class Gathering:
    """The answers of one server that wait for others."""

    def __init__(self, longest_s: float = GATHER_S) -> None:
        self._longest_s = longest_s
        self._at_work = 0
        self._ready: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def working(self) -> Self:
        """Count a request that is being worked on, while this is entered."""
        return self

    def __enter__(self) -> Self:
        self._at_work += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._at_work -= 1

    def leave(self, write: Callable[[], None]) -> None:
        """Let an answer leave, after those that came before it."""
        self._ready.append(write)
        if not self._at_work or not self._longest_s:
            self.release()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._longest_s, self.release)

    def release(self) -> None:
        """Let all that wait leave now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ready, self._ready = self._ready, []
        for write in ready:
            write()
