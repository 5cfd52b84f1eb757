"""The end of a task that goes on until it is told to stop."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task; what it failed with meanwhile is raised."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
