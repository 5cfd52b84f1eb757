"""Answers in the order of their requests, while many are computed at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


async def answer_in_order(
    requests: AsyncIterable[Request],
    answer: Callable[[Request], Coroutine[Any, Any, Answer]],
    send: Callable[[Answer], Awaitable[None]],
    window: int,
) -> None:
    """Answer each request and send the answers in the order of the requests.

    At most `window` requests are unanswered or unsent at any time; one more may have been read. Where this is
    cancelled or `send` raises, so are all that are under way.
    """
    room = asyncio.Semaphore(window)
    started: asyncio.Queue[asyncio.Task[Answer] | None] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(_start_all(group, requests, answer, room, started))
        try:
            while (task := await started.get()) is not None:
                await send(await task)
                room.release()
        finally:
            reading.cancel()


async def _start_all(
    group: asyncio.TaskGroup,
    requests: AsyncIterable[Request],
    answer: Callable[[Request], Coroutine[Any, Any, Answer]],
    room: asyncio.Semaphore,
    started: asyncio.Queue[asyncio.Task[Answer] | None],
) -> None:
    async for request in requests:
        await room.acquire()
        started.put_nowait(group.create_task(answer(request)))
    started.put_nowait(None)
