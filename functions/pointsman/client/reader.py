"""Reads a whole topic, without a consumer group: to its end, or on and on."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from types import TracebackType
from typing import Final, Self

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from pointsman.client.isolation import isolation
from pointsman.errors import ClientError

_METADATA_S: Final = 10.0
_POLL_S: Final = 0.2


class Reader:
    """All partitions of one topic. Use it as a context manager; errors are ClientError.

    With `committed` it yields what is written in transactions once, when it has been committed; else at
    once, and again where the engine was restarted.
    """

    def __init__(self, kafka: str, topic: str, *, committed: bool = False) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "pointsman-reader",  # asked for and never used: partitions are assigned by hand
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "isolation.level": isolation(committed),
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def to_end(self) -> Generator[Message, None, None]:
        """Yield every record that was in the topic when the call began, from the beginning."""
        open_ends = dict.fromkeys(self._assign(0))
        while open_ends:
            message = self._poll()
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                open_ends.pop(message.partition(), None)

    def follow(self, from_start: bool = False, timeout: float = math.inf) -> Generator[Message, None, None]:
        """Yield records as they come, for `timeout` seconds; with `from_start` the old ones before."""
        self._assign(0 if from_start else OFFSET_END)
        limit = time.monotonic() + timeout
        while time.monotonic() < limit:
            message = self._poll()
            if message is not None and message.error() is None:
                yield message

    def offsets_before(self, moment_ms: int) -> dict[int, tuple[int, int]]:
        """Return for each partition its first offset, and the first one written at the moment or after it."""
        partitions = self._assign(0)
        try:
            asked = [TopicPartition(self._topic, partition, moment_ms) for partition in partitions]
            found = self._consumer.offsets_for_times(asked, timeout=_METADATA_S)
            bounds = {
                place.partition: self._consumer.get_watermark_offsets(place, _METADATA_S) for place in found
            }
        except KafkaException as error:
            raise ClientError(f"Kafka does not answer: {error.args[0].str()}") from error
        return {
            place.partition: (bounds[place.partition][0], min(place.offset, bounds[place.partition][1]))
            if place.offset >= 0
            else bounds[place.partition]
            for place in found
        }

    def _assign(self, offset: int) -> list[int]:
        try:
            topic = self._consumer.list_topics(self._topic, timeout=_METADATA_S).topics[self._topic]
        except KafkaException as error:
            raise ClientError(f"Kafka does not answer: {error.args[0].str()}") from error
        if topic.error is not None:
            raise ClientError(f"topic {self._topic}: {topic.error.str()}")
        partitions = list(topic.partitions)
        self._consumer.assign([TopicPartition(self._topic, partition, offset) for partition in partitions])
        return partitions

    def _poll(self) -> Message | None:
        message = self._consumer.poll(_POLL_S)
        if message is not None and message.error() is not None:
            error = message.error()
            if error.code() != KafkaError._PARTITION_EOF and error.fatal():
                raise ClientError(f"Kafka: {error.str()}")
        return message
