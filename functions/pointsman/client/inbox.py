"""Reads one partition from its end on, in a thread, and hands records to the event loop in batches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from pointsman.errors import ClientError

_POLL_S: Final = 0.1
_BATCH: Final = 1000
_METADATA_S: Final = 10.0

Deliver = Callable[[list[bytes]], None]


class Inbox:
    """`deliver` is called in the loop with the values that came with one poll.

    Everything written after `open` has returned is delivered.
    """

    def __init__(self, kafka: str, topic: str, deliver: Deliver) -> None:
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
                "fetch.error.backoff.ms": 20,
                "log_level": 0,
            }
        )

    async def open(self, choose: Callable[[int], int] = lambda partitions: 0) -> None:
        """Stand at the end of the partition that `choose` picks from their number, and begin to read.

        Raises ClientError where the broker does not answer or lacks the topic.
        """
        try:
            await asyncio.to_thread(self._assign, choose)
        except KafkaException as error:
            raise ClientError(f"Kafka: {error.args[0].str()}") from error
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._serve, args=(loop,), name="pointsman-inbox", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Stop reading."""
        self._closing.set()
        await asyncio.to_thread(self._close)

    def _assign(self, choose: Callable[[int], int]) -> None:
        metadata = self._consumer.list_topics(self._topic, timeout=_METADATA_S).topics[self._topic]
        if metadata.error is not None:
            raise ClientError(f"topic {self._topic}: {metadata.error.str()}")
        partition = choose(len(metadata.partitions))
        # The end as a number: OFFSET_END would be looked up at the first fetch, after the first answer.
        _, end = self._consumer.get_watermark_offsets(
            TopicPartition(self._topic, partition), timeout=_METADATA_S
        )
        self._consumer.assign([TopicPartition(self._topic, partition, end)])

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
