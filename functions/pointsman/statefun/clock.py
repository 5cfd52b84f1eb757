"""The clock of the function servers, an argument everywhere so that tests hold it still."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Milliseconds since the epoch."""

    def __call__(self) -> int:
        """Return the time."""


def now_ms() -> int:
    """Return the time of this machine."""
    return time.time_ns() // 1_000_000
