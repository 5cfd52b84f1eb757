"""Reads one partition from its end on, in a thread, and hands records to the event loop in batches."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from pointsman.client.isolation import isolation
from pointsman.errors import ClientError

_POLL_S: Final = 0.1
_RETRY_S: Final = 0.05
_BATCH: Final = 1000
_METADATA_S: Final = 10.0

Deliver = Callable[[list[bytes]], None]


class Inbox:
    """`deliver` is called in the loop with the values that came with one poll.

    Everything written after `open` has returned is delivered; with `committed` only what no restart of
    the engine can take back, when it has been committed.
    """

    def __init__(self, kafka: str, topic: str, deliver: Deliver, *, committed: bool = False) -> None:
        self._topic = topic
        self._deliver = deliver
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                # Partitions are assigned by hand; the name is asked for and never used.
                "group.id": "pointsman-client",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "isolation.level": isolation(committed),
                "fetch.error.backoff.ms": 20,
                "log_level": 0,
            }
        )

    async def open(self, choose: Callable[[int], int] = lambda partitions: 0) -> int:
        """Stand at the end of the partition that `choose` picks from their number, and begin to read.

        Returns that number. Raises ClientError where the broker does not answer or lacks the topic.
        """
        partitions = await asyncio.to_thread(self._assign, choose)
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._serve, args=(loop,), name="pointsman-inbox", daemon=True)
        self._thread.start()
        return partitions

    async def close(self) -> None:
        """Stop reading."""
        self._closing.set()
        await asyncio.to_thread(self._close)

    def _assign(self, choose: Callable[[int], int]) -> int:
        limit = time.monotonic() + _METADATA_S
        while True:
            try:
                partitions = self._partitions()
                place = TopicPartition(self._topic, choose(partitions))
                # The end as a number: OFFSET_END would be looked up at the first fetch, which may come
                # after the first answer.
                place.offset = self._consumer.get_watermark_offsets(place, timeout=_METADATA_S)[1]
                self._consumer.assign([place])
            except KafkaException as error:
                # A partition may be between two leaders, or the broker restart.
                if self._closing.wait(_RETRY_S) or time.monotonic() > limit:
                    raise ClientError(f"Kafka: {error.args[0].str()}") from error
            else:
                return partitions

    def _partitions(self) -> int:
        topic = self._consumer.list_topics(self._topic, timeout=_METADATA_S).topics[self._topic]
        if topic.error is not None:
            raise ClientError(f"topic {self._topic}: {topic.error.str()}")
        return len(topic.partitions)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._closing.is_set():
            first = self._consumer.poll(_POLL_S)
            if first is None:
                continue
            # poll returns with the first record, consume would wait for its number or its time.
            values = _values((first, *self._consumer.consume(_BATCH, 0)))
            if values and not loop.is_closed():
                loop.call_soon_threadsafe(self._deliver, values)

    def _close(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._consumer.close()


def _values(messages: Sequence[Message]) -> list[bytes]:
    return [value for message in messages if not message.error() and (value := message.value()) is not None]
