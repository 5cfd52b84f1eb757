"""Answers wait for each other, but for a moment only, and one alone for nobody."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from pointsman.http import gathering
from pointsman.http.gathering import Gathering


def test_one_alone_leaves_at_once() -> None:
    async def story() -> None:
        left: list[int] = []
        together = Gathering()
        with together.working():
            pass
        together.leave(lambda: left.append(1))
        assert left == [1]

    asyncio.run(story())


def test_answers_leave_in_their_order_with_the_last_that_is_worked_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gathering, "GATHER_S", 60)

    async def story() -> None:
        left: list[int] = []
        together = Gathering()
        with together.working():
            for number in (1, 2):
                together.leave(partial(left.append, number))
            assert left == []
        together.leave(lambda: left.append(3))
        assert left == [1, 2, 3]

    asyncio.run(story())


def test_those_that_wait_can_be_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "GATHER_S", 60)

    async def story() -> None:
        left: list[int] = []
        together = Gathering()
        with together.working():
            together.leave(lambda: left.append(1))
            together.release()
            assert left == [1]

    asyncio.run(story())


def test_nobody_waits_for_a_long_call() -> None:
    async def story() -> None:
        left = asyncio.Event()
        together = Gathering()
        with together.working():
            together.leave(left.set)
            assert not left.is_set()
            await asyncio.wait_for(left.wait(), 10)

    asyncio.run(story())


def test_a_request_that_broke_is_worked_on_no_more() -> None:
    async def story() -> None:
        left: list[int] = []
        together = Gathering()
        with pytest.raises(RuntimeError), together.working():
            raise RuntimeError
        together.leave(lambda: left.append(1))
        assert left == [1]

    asyncio.run(story())
