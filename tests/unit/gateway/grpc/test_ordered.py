"""Answers leave in the order of their requests, however long each takes, and within a window."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway.grpc.ordered import answer_in_order
from tests.unit.gateway.grpc.doors import each, within


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 1000))
def test_answers_come_in_order_whichever_is_ready_first(count: int, window: int, seed: int) -> None:
    async def story() -> None:
        chance = random.Random(seed)
        waiting: list[asyncio.Event] = []
        sent: list[int] = []
        most = 0

        async def answer(number: int) -> int:
            nonlocal most
            done = asyncio.Event()
            waiting.append(done)
            most = max(most, len(waiting))
            await done.wait()
            return number

        async def send(number: int) -> None:
            sent.append(number)

        async with asyncio.TaskGroup() as group:
            running = group.create_task(answer_in_order(each(*range(count)), answer, send, window))
            while not running.done():
                if waiting:
                    waiting.pop(chance.randrange(len(waiting))).set()
                await asyncio.sleep(0)
        assert sent == list(range(count))
        assert most <= window

    within(story())


def test_a_reader_who_does_not_read_stops_the_intake() -> None:
    async def story() -> None:
        taken: list[int] = []
        stuck = asyncio.Event()

        async def requests() -> AsyncIterator[int]:
            for number in range(1_000):
                taken.append(number)
                yield number

        async def answer(number: int) -> int:
            return number

        async def send(number: int) -> None:
            stuck.set()
            await asyncio.Event().wait()

        running = asyncio.create_task(answer_in_order(requests(), answer, send, 8))
        await stuck.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(taken) == 9
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    within(story())


def test_whatever_is_under_way_ends_with_the_stream() -> None:
    async def story() -> None:
        started, ended = asyncio.Event(), []

        async def answer(number: int) -> int:
            if number == 2:
                started.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(number)
            return number

        async def send(number: int) -> None: ...

        running = asyncio.create_task(answer_in_order(each(0, 1, 2), answer, send, 8))
        await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert sorted(ended) == [0, 1, 2]

    within(story())
