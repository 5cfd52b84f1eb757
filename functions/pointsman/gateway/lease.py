"""A partition of the responses topic for one gateway alone, leased over a topic that all gateways read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from pointsman import topics
from pointsman.core.lease import LEASE_MS, Claim, after, free

log = logging.getLogger(__name__)

RENEW_S: Final = LEASE_MS / 1000 / 5
_POLL_S: Final = 0.1
_METADATA_S: Final = 2.0
# Reading begins so many records before the end: some leases' worth, however many gateways there are.
_LAST_RECORDS: Final = 5_000

OnPartition = Callable[[int], Awaitable[None]]


class _LogClock:
    """The broker's time, from its last record on: late by that record's age when it was read, never early."""

    def __init__(self) -> None:
        self._last_ms = 0
        self._heard_s = 0.0

    def heard(self, at_ms: int) -> None:
        """Take the time of a record that was just read."""
        self._last_ms, self._heard_s = at_ms, time.monotonic()

    def now_ms(self) -> int:
        """Return the time in ms since the epoch; before the first record something small."""
        return self._last_ms + int((time.monotonic() - self._heard_s) * 1000)


class _Word(msgspec.Struct):
    """The value of a record; its key is the partition."""

    holder: str
    leaves: bool = False


class Lease:
    """Holds one partition at a time, from `start` to `close`.

    `on_partition` is awaited on the event loop with each partition that becomes ours: the first, and another
    one where we were silent for so long that somebody else took it over. Where it raises it is asked again
    every RENEW_S, as long as the partition is ours. Who holds what is decided by the log and its clock alone.
    """

    def __init__(self, kafka: str, holder: str, on_partition: OnPartition) -> None:
        self._kafka = kafka
        self._holder = holder
        self._on_partition = on_partition
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._held: dict[int, Claim] = {}
        self._mine: int | None = None
        self._asked: int | None = None
        self._clock = _LogClock()
        self._warned_s = -math.inf

    def start(self) -> None:
        """Begin, on a thread of its own. An absent broker or topic is waited for."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._serve, args=(loop,), name="lease", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Leave the partition to others, and return when that is written."""
        self._closing.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        base = {"bootstrap.servers": self._kafka, "log_level": 0}
        group = {"group.id": "pointsman-gateways", "enable.auto.commit": False}  # required, never joined
        producer = Producer({**base, "linger.ms": 0, "message.timeout.ms": LEASE_MS})
        consumer = Consumer({**base, **group, "auto.offset.reset": "earliest"}, logger=log)
        try:
            partitions = self._assigned(consumer)
            self._hold(loop, producer, consumer, partitions)
            if self._mine is not None:
                self._say(producer, self._mine, leaves=True)
                producer.flush(_METADATA_S)
        except RuntimeError as error:
            log.debug("the event loop ended first: %s", error)
        finally:
            consumer.close()

    def _assigned(self, consumer: Consumer) -> int:
        """Stand at the last claims, and return how many partitions there are to lease."""
        while not self._closing.is_set():
            with contextlib.suppress(KafkaException):
                # Not from a moment on: our clock may be another than the broker's.
                place = TopicPartition(topics.GATEWAYS, 0)
                low, high = consumer.get_watermark_offsets(place, timeout=_METADATA_S)
                responses = consumer.list_topics(topics.RESPONSES, timeout=_METADATA_S)
                found = len(responses.topics[topics.RESPONSES].partitions)
                if found:
                    place.offset = max(low, high - _LAST_RECORDS)
                    consumer.assign([place])
                    return found
            self._closing.wait(_POLL_S)
        return 0

    def _hold(
        self, loop: asyncio.AbstractEventLoop, producer: Producer, consumer: Consumer, partitions: int
    ) -> None:
        said_s = -RENEW_S
        while not self._closing.is_set():
            first = consumer.poll(_POLL_S)
            for message in [] if first is None else [first, *consumer.consume(1000, 0)]:
                self._read(message)
            self._judge(loop)
            now = time.monotonic()
            if now - said_s >= RENEW_S or (self._mine is None and self._asked is None):
                said_s = now
                self._claim(producer, partitions)
            producer.poll(0)

    def _claim(self, producer: Producer, partitions: int) -> None:
        """Renew, or ask for one that seems to be free; whether it is the log will say."""
        if self._mine is None:
            choice = free(self._held, partitions, self._clock.now_ms())
            if not choice:
                self._warn(partitions)
                return
            self._asked = random.choice(choice)
        thing = self._asked if self._mine is None else self._mine
        if thing is not None:
            self._say(producer, thing)

    def _warn(self, partitions: int) -> None:
        if time.monotonic() - self._warned_s >= RENEW_S:
            self._warned_s = time.monotonic()
            log.warning("all %d partitions of %s are other gateways'", partitions, topics.RESPONSES)

    def _read(self, message: Message) -> None:
        try:
            thing, word = int(message.key() or b""), msgspec.json.decode(message.value() or b"", type=_Word)
        except (ValueError, msgspec.MsgspecError):
            return  # no claim, or an event of the consumer
        claim = Claim(thing, word.holder, message.timestamp()[1], word.leaves)
        self._clock.heard(claim.at_ms)
        self._held = after(self._held, claim)
        if claim.holder == self._holder and thing == self._asked and not self._is_ours(thing):
            self._asked = None  # somebody was quicker

    def _judge(self, loop: asyncio.AbstractEventLoop) -> None:
        """Notice that a partition has become ours, or another's."""
        if self._mine is not None and not self._is_ours(self._mine):
            log.warning("partition %d is another gateway's now: we were silent too long", self._mine)
            self._mine = None
        if self._mine is None and self._asked is not None and self._is_ours(self._asked):
            self._mine, self._asked = self._asked, None
            asyncio.run_coroutine_threadsafe(self._told(self._mine), loop)

    async def _told(self, partition: int) -> None:
        while self._mine == partition and not self._closing.is_set():
            try:
                await self._on_partition(partition)
            except Exception:
                log.exception("partition %d could not be taken; trying again", partition)
                await asyncio.sleep(RENEW_S)
            else:
                return

    def _is_ours(self, thing: int) -> bool:
        held = self._held.get(thing)
        return held is not None and held.holder == self._holder

    def _say(self, producer: Producer, thing: int, *, leaves: bool = False) -> None:
        word = msgspec.json.encode(_Word(self._holder, leaves))
        with contextlib.suppress(BufferError, KafkaException):  # said again in a moment
            producer.produce(topics.GATEWAYS, word, str(thing).encode())
