"""Leases over a log in memory, whose clock is its own."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec
import pytest
from confluent_kafka import TopicPartition

from pointsman.core.lease import LEASE_MS
from pointsman.gateway import lease as room
from pointsman.gateway.lease import Lease

NOON_MS = 1_750_000_000_000  # the broker's, and nobody else's


class Record(NamedTuple):
    at_ms: int
    thing: bytes
    word: bytes

    def key(self) -> bytes:
        return self.thing

    def value(self) -> bytes:
        return self.word

    def timestamp(self) -> tuple[int, int]:
        return (2, self.at_ms)


class Log:
    """A broker with so many partitions to lease."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, partitions: int) -> None:
        self.records: list[Record] = []
        self.partitions = partitions
        self.began = time.monotonic()
        self.arrived = threading.Condition()
        monkeypatch.setattr(room, "Producer", lambda _: Producer(self))
        monkeypatch.setattr(room, "Consumer", lambda _, logger: Consumer(self))

    def say(self, thing: int, holder: str, ago_ms: int = 0) -> None:
        self.append(b"%d" % thing, msgspec.json.encode({"holder": holder}), ago_ms)

    def append(self, thing: bytes, word: bytes, ago_ms: int = 0) -> None:
        now_ms = NOON_MS + int((time.monotonic() - self.began) * 1000)
        with self.arrived:
            self.records.append(Record(now_ms - ago_ms, thing, word))
            self.arrived.notify_all()

    def of(self, holder: str) -> list[bytes]:
        return [record.thing for record in self.records if holder.encode() in record.word]


class Producer:
    def __init__(self, log: Log) -> None:
        self._log = log

    def produce(self, topic: str, word: bytes, thing: bytes) -> None:
        self._log.append(thing, word)

    def poll(self, timeout: float) -> None:
        return None

    def flush(self, timeout: float) -> None:
        return None


class Consumer:
    def __init__(self, log: Log) -> None:
        self._log = log
        self._at = 0

    def list_topics(self, topic: str, timeout: float) -> object:
        responses = type("Responses", (), {"partitions": dict.fromkeys(range(self._log.partitions))})
        return type("Metadata", (), {"topics": {topic: responses}})

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, len(self._log.records)

    def offsets_for_times(self, since: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        young = (n for n, record in enumerate(self._log.records) if record.at_ms >= since[0].offset)
        return [TopicPartition(since[0].topic, 0, next(young, -1))]

    def assign(self, places: list[TopicPartition]) -> None:
        self._at = places[0].offset

    def poll(self, timeout: float) -> Record | None:
        with self._log.arrived:
            self._log.arrived.wait_for(lambda: len(self._log.records) > self._at, timeout)
            if len(self._log.records) == self._at:
                return None
            self._at += 1
            return self._log.records[self._at - 1]

    def consume(self, most: int, timeout: float) -> list[Record]:
        with self._log.arrived:
            found = self._log.records[self._at :]
            self._at += len(found)
            return found

    def close(self) -> None:
        return None


Story = Callable[["asyncio.Queue[int]", Lease], Awaitable[None]]


def told(story: Story, faults: int = 0) -> None:
    """Hold a lease during the story; its first `faults` moves fail."""

    async def run() -> None:
        taken: asyncio.Queue[int] = asyncio.Queue()

        async def note(partition: int) -> None:
            taken.put_nowait(partition)
            if taken.qsize() <= faults:
                raise OSError("no")

        lease = Lease("broker", "me", note)
        lease.start()
        async with asyncio.timeout(5):
            await story(taken, lease)
            await lease.close()

    asyncio.run(run())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_POLL_S", 0.002)
    monkeypatch.setattr(room, "RENEW_S", 0.05)


@pytest.mark.parametrize("ahead_s", [-3600, 0, 3600])
def test_a_partition_that_is_held_stays_its_holders_whatever_our_clock_says(
    monkeypatch: pytest.MonkeyPatch, ahead_s: int
) -> None:
    log = Log(monkeypatch, 2)
    log.say(0, "other")
    monkeypatch.setattr(time, "time_ns", lambda: (NOON_MS + ahead_s * 1000) * 1_000_000)

    async def story(taken: asyncio.Queue[int], lease: Lease) -> None:
        assert await taken.get() == 1
        assert set(log.of("me")) == {b"1"}

    told(story)


def test_what_was_left_silent_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, 2)
    log.say(0, "gone", ago_ms=LEASE_MS + 60_000)
    log.say(1, "other")

    async def story(taken: asyncio.Queue[int], lease: Lease) -> None:
        assert await taken.get() == 0

    told(story)


def test_where_all_is_taken_it_is_said_now_and_then_and_nothing_is_claimed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "RENEW_S", 3600.0)
    looks: list[int] = []

    def none(held: object, things: int, now_ms: int) -> list[int]:
        looks.append(now_ms)
        return []

    monkeypatch.setattr(room, "free", none)
    log = Log(monkeypatch, 1)
    log.say(0, "other")

    async def story(taken: asyncio.Queue[int], lease: Lease) -> None:
        while len(looks) < 20:
            await asyncio.sleep(0.001)

    with caplog.at_level(logging.WARNING, room.log.name):
        told(story)
    assert caplog.messages == ["all 1 partitions of pointsman.responses are other gateways'"]
    assert log.of("me") == []


def test_a_partition_that_could_not_be_taken_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch, 1)

    async def story(taken: asyncio.Queue[int], lease: Lease) -> None:
        while taken.qsize() < 3:
            await asyncio.sleep(0.001)
        assert [taken.get_nowait() for _ in range(3)] == [0, 0, 0]

    told(story, faults=2)
    assert b'"leaves":true' in log.records[-1].word


def test_only_the_end_of_a_long_log_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_LAST_RECORDS", 10)
    log = Log(monkeypatch, 2)
    log.say(0, "long-ago")
    for _ in range(10):
        log.say(1, "other")

    async def story(taken: asyncio.Queue[int], lease: Lease) -> None:
        assert await taken.get() == 0

    told(story)
