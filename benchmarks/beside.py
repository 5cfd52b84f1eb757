"""Work that goes on beside a block of code, and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the work all the while and cancel it in the end; what it failed with meanwhile is raised."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def sampled(take: Callable[[], T], every_s: float) -> AsyncIterator[list[T]]:
    """Yield a list to which a sample is added every so many seconds, taken on a thread."""
    samples: list[T] = []

    async def go_on() -> None:
        while True:
            samples.append(await asyncio.to_thread(take))
            await asyncio.sleep(every_s)

    async with beside(go_on()):
        yield samples
