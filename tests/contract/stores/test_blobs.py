from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import redis

from pointsman.stores.blobs import Blobs
from pointsman.stores.memory_blobs import MemoryBlobs
from pointsman.stores.redis_blobs import RedisBlobs

Tell = Callable[[Callable[[Blobs], Awaitable[None]]], None]
SHORT_S = 1


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder: Path = tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: answers(port))
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    with redis.Redis(port=port) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def until(condition: Callable[[], bool], limit_s: float = 20) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


@pytest.fixture(params=["memory", "redis"])
def tell(request: pytest.FixtureRequest) -> Tell:
    """Run a story on a store of each kind."""

    def run(story: Callable[[Blobs], Awaitable[None]]) -> None:
        async def told() -> None:
            is_memory = request.param == "memory"
            blobs: Blobs = MemoryBlobs() if is_memory else RedisBlobs(request.getfixturevalue("redis_url"))
            try:
                await story(blobs)
            finally:
                await blobs.close()

        asyncio.run(told())

    return run


async def gone(blobs: Blobs, key: str) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if await blobs.get_many([key]) == [None]:
            return True
        await asyncio.sleep(0.02)
    return False


def test_bytes_come_back_in_the_order_asked_for(tell: Tell) -> None:
    async def story(blobs: Blobs) -> None:
        values = [b"", b"\0\xff", b"x" * 1_000_000]
        keys = [await blobs.put(value, 60) for value in values]
        assert await blobs.get_many(keys[::-1]) == values[::-1]

    tell(story)


def test_unknown_keys_are_none_among_the_others(tell: Tell) -> None:
    async def story(blobs: Blobs) -> None:
        key = await blobs.put(b"a", 60)
        assert await blobs.get_many(["nothing", key, "pointsman:blob:0"]) == [None, b"a", None]
        assert await blobs.get_many([]) == []

    tell(story)


def test_a_request_cannot_read_what_lies_beside_the_blobs(redis_url: str) -> None:
    async def story() -> None:
        blobs = RedisBlobs(redis_url)
        try:
            with redis.Redis.from_url(redis_url) as others:
                others.set("session:1", b"secret")
            assert await blobs.get_many(["session:1"]) == [None]
        finally:
            await blobs.close()

    asyncio.run(story())


def test_the_same_bytes_have_the_same_key(tell: Tell) -> None:
    async def story(blobs: Blobs) -> None:
        assert await blobs.put(b"a", 60) == await blobs.put(b"a", 60)
        assert await blobs.put(b"a", 60) != await blobs.put(b"b", 60)

    tell(story)


def test_bytes_expire(tell: Tell) -> None:
    async def story(blobs: Blobs) -> None:
        assert await gone(blobs, await blobs.put(b"expires", SHORT_S))

    tell(story)


def test_what_is_kept_outlives_its_first_life_and_unknown_keys_are_passed_over(tell: Tell) -> None:
    async def story(blobs: Blobs) -> None:
        kept, lost = await blobs.put(b"kept", SHORT_S), await blobs.put(b"lost", SHORT_S)
        assert await blobs.keep([kept, "nothing", "pointsman:blob:0"], 60, 1_000_000) == 1
        assert await gone(blobs, lost)
        assert await blobs.are_there([kept, lost, "nothing"]) == [True, False, False]
        assert await blobs.keep([], 60, 1_000_000) == 0

    tell(story)


def test_what_is_kept_has_a_bound_in_bytes_and_counts_once(tell: Tell) -> None:
    async def story(blobs: Blobs) -> None:
        first, second = await blobs.put(b"1" * 500_000, SHORT_S), await blobs.put(b"2" * 500_000, SHORT_S)
        assert await blobs.keep([first], 60, 600_000) == 1
        assert await blobs.keep([first, second], 60, 600_000) == 1
        assert await gone(blobs, second)
        await blobs.let_go([first], 60)
        third = await blobs.put(b"3" * 500_000, 60)
        assert await blobs.keep([third], 60, 600_000) == 1
        await blobs.let_go([third], 0)

    tell(story)


def test_what_expired_makes_room(tell: Tell) -> None:
    async def story(blobs: Blobs) -> None:
        first, second = await blobs.put(b"a" * 500_000, SHORT_S), await blobs.put(b"b" * 500_000, 60)
        assert await blobs.keep([first], SHORT_S, 600_000) == 1
        assert await gone(blobs, first)
        assert await blobs.keep([second], 60, 600_000) == 1
        await blobs.let_go([second], 0)

    tell(story)


def test_letting_go_leaves_alone_what_was_never_kept(tell: Tell) -> None:
    async def story(blobs: Blobs) -> None:
        kept, other = await blobs.put(b"for a letter", 60), await blobs.put(b"of a request", 60)
        assert await blobs.keep([kept], 600, 1_000_000) == 1
        await blobs.let_go([kept, other, "nothing"], SHORT_S)
        assert await gone(blobs, kept)
        assert await blobs.are_there([other]) == [True]

    tell(story)


def test_a_life_is_never_shortened(tell: Tell) -> None:
    async def story(blobs: Blobs) -> None:
        long = await blobs.put(b"long", 60)
        assert await blobs.put(b"long", SHORT_S) == long
        await blobs.keep([long], SHORT_S, 1_000_000)
        assert await gone(blobs, await blobs.put(b"short", SHORT_S))
        assert await blobs.get_many([long]) == [b"long"]

    tell(story)


def test_no_request_prolongs_the_life_of_what_lies_beside_the_blobs(redis_url: str) -> None:
    async def story() -> None:
        blobs = RedisBlobs(redis_url)
        try:
            with redis.Redis.from_url(redis_url) as others:
                others.set("session:2", b"secret", ex=60)
                assert await blobs.keep(["session:2"], 3_600, 1_000_000) == 0
                assert await blobs.are_there(["session:2"]) == [False]
                assert 0 < int(others.pttl("session:2")) <= 60_000
        finally:
            await blobs.close()

    asyncio.run(story())
