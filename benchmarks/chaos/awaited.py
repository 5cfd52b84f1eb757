"""Waiting for what a blow must not prevent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

# What has not recovered from a blow within this time counts as stuck.
PATIENCE_S: Final = 120.0
POLL_S: Final = 0.1


def awaited(
    probe: Callable[[], T | None], complaint: str, patience_s: float = PATIENCE_S, poll_s: float = POLL_S
) -> T:
    """Return what the probe finds once it finds something. Raises TimeoutError."""
    limit = time.monotonic() + patience_s
    while (found := probe()) is None:
        if time.monotonic() > limit:
            raise TimeoutError(f"{complaint} within {patience_s:.0f} s")
        time.sleep(poll_s)
    return found
