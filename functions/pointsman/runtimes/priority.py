"""Work that serving should not wait for."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import Final

# With a thread of the usual priority on its core this one gets a tenth of it.
NICE: Final = 10
LEAST: Final = 19


def give_way() -> None:
    """Let the calling thread, and those that it starts, run after others, for good; only on Linux."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            thread = threading.get_native_id()
            nice = os.getpriority(os.PRIO_PROCESS, thread) + NICE
            os.setpriority(os.PRIO_PROCESS, thread, min(nice, LEAST))
