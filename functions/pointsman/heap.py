"""The C heap of a process: bounded in number, and what is free in it given back to the system."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Mapping
from typing import Final

# glibc gives each thread a heap of its own, up to eight a core, and what one of them has freed the others
# cannot use: a router that read a backlog with many short-lived threads grew by 50 MiB in an hour.
FEW_HEAPS: Final[Mapping[str, str]] = {"MALLOC_ARENA_MAX": "2"}
TRIM_S: Final = 60.0


def trim() -> bool:
    """Give pages without anything in use back to the system; return whether there were any.

    glibc keeps what lies between pieces in use, so a process whose requests differ in size grows for hours.
    Other C libraries have no such call, and nothing is done.
    """
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return give_back is not None and bool(give_back(0))


async def keep_trimmed() -> None:
    """Trim once a minute, for ever, beside the event loop: it takes some milliseconds."""
    while True:
        await asyncio.sleep(TRIM_S)
        await asyncio.to_thread(trim)
