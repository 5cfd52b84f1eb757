"""Turns at what takes a core for seconds, between all processes of a machine."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PATIENCE_S: Final = 10.0
_POLL_S: Final = 0.02


@contextmanager
def turn(what: str, slots: int = 0) -> Iterator[None]:
    """Hold one of `slots` turns; 0: as many as half the cores.

    Workers of a pod that all import a framework at once are all late; in turn the first one serves early,
    and there is a core for those who serve already. Whoever waits longer than PATIENCE_S goes ahead. A
    process that dies gives its turn back. Only Linux can do this; elsewhere nobody waits.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
        if sys.platform == "linux":
            _take(held, what, slots or max(1, len(os.sched_getaffinity(0)) // 2))
        yield


def _take(held: socket.socket, what: str, slots: int) -> None:
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        for slot in range(slots):
            try:
                held.bind(f"\0pointsman-turn-{what}-{slot}")  # a name of the kernel's, not a file
            except OSError:
                continue
            return
        time.sleep(_POLL_S)
