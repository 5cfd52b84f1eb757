"""What the backlog function keeps open: few cursors, and none that nobody asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from statefun.request_reply_pb2 import FromFunction

from pointsman.pb.v1 import serving_pb2
from pointsman.statefun import backlog_fn
from pointsman.statefun.backlog_fn import AGAIN_MS, MOST_CURSORS, BacklogFunction
from pointsman.statefun.protocol import FED, READING, Call, Invocation
from pointsman.stores.records import Pick, Stretch


class Empty:
    """Finds nothing, and knows whether it was closed."""

    def __init__(self, topic: str, partition: int, pick: Pick) -> None:
        self.place = (topic, partition)
        self.closed = threading.Event()

    def read(self, start: int, end: int, records: int, size: int, seconds: float) -> Stretch:
        """Find nothing up to the end."""
        return Stretch([], end, 0)

    def close(self) -> None:
        """Remember it."""
        self.closed.set()


class Shelf:
    """All that was opened."""

    def __init__(self) -> None:
        self.opened: list[Empty] = []
        self.function = BacklogFunction(self.open)

    def open(self, topic: str, partition: int, pick: Pick) -> Empty:
        """Open one."""
        self.opened.append(Empty(topic, partition, pick))
        return self.opened[-1]

    async def read(self, *models: str, tickets: Sequence[int] = range(9)) -> FromFunction.InvocationResponse:
        """Have stretches of models read in one call."""
        said = []
        for ticket, model in zip(tickets, models, strict=False):
            reading = serving_pb2.Reading(model=model, records=1, bytes=1)
            reading.stretch.topic, reading.stretch.end, reading.stretch.ticket = "t", 1, ticket
            said.append(Invocation(READING, reading.SerializeToString()))
        body = await self.function(Call("pointsman", "backlog", "a", {}, said))
        return FromFunction.FromString(body).invocation_result


async def closed(cursor: Empty) -> bool:
    """Wait for a cursor to be closed, off the event loop."""
    return await asyncio.to_thread(cursor.closed.wait, 10)


def test_a_cursor_is_kept_for_the_next_reading_and_closed_in_the_end() -> None:
    shelf = Shelf()

    async def story() -> None:
        async with shelf.function.lifetime():
            await shelf.read("a")
            await shelf.read("a")
            assert len(shelf.opened) == 1
            assert not shelf.opened[0].closed.is_set()

    asyncio.run(story())
    assert shelf.opened[0].closed.is_set()


def test_the_cursor_that_was_not_asked_for_longest_makes_room() -> None:
    shelf = Shelf()

    async def story() -> None:
        async with shelf.function.lifetime():
            for number in range(MOST_CURSORS):
                await shelf.read(f"m{number}")
            await shelf.read("m0")
            await shelf.read("another")
            assert await closed(shelf.opened[1])
            assert sum(cursor.closed.is_set() for cursor in shelf.opened) == 1

    asyncio.run(story())


def test_a_cursor_that_nobody_asks_is_closed_and_opened_again_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog_fn, "IDLE_S", 0.01)
    shelf = Shelf()

    async def story() -> None:
        async with shelf.function.lifetime():
            for turn in range(2):
                await shelf.read("a")
                assert len(shelf.opened) == turn + 1
                assert await closed(shelf.opened[turn])

    asyncio.run(story())


def test_of_readings_that_were_asked_for_anew_the_last_is_made() -> None:
    shelf = Shelf()

    async def story() -> None:
        async with shelf.function.lifetime():
            reply = await shelf.read("a", "b", "a")
            fed = [serving_pb2.Fed.FromString(one.argument.value) for one in reply.outgoing_messages]
            assert [one.stretch.ticket for one in fed] == [2, 1]

    asyncio.run(story())


def test_a_reading_that_was_asked_for_first_and_came_last_is_not_made() -> None:
    shelf = Shelf()

    async def story() -> None:
        async with shelf.function.lifetime():
            reply = await shelf.read("a", "a", tickets=(2, 1))
            (sent,) = reply.outgoing_messages
            assert serving_pb2.Fed.FromString(sent.argument.value).stretch.ticket == 2

    asyncio.run(story())


def test_a_reading_that_fails_tells_the_router_later_that_it_found_nothing() -> None:
    def refuse(topic: str, partition: int, pick: Pick) -> Empty:
        raise RuntimeError("no broker")

    shelf = Shelf()
    shelf.function = BacklogFunction(refuse)
    reply = asyncio.run(shelf.read("a"))
    assert not reply.outgoing_messages
    (late,) = reply.delayed_invocations
    fed = serving_pb2.Fed.FromString(late.argument.value)
    assert (late.target.type, late.target.id, late.argument.typename) == ("router", "a", FED)
    assert (late.delay_in_ms, fed.next, fed.batch) == (AGAIN_MS, 0, b"")
