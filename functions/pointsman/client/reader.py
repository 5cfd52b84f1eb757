"""Reads a whole topic, without a consumer group: to its end, or on and on."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Set
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
                "fetch.wait.max.ms": 20,  # an end is told only after it
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
        yield from self._to_ends(self._assign(0))

    def _to_ends(self, partitions: Iterable[int]) -> Generator[Message, None, None]:
        open_ends = dict.fromkeys(partitions)
        while open_ends:
            message = self._poll()
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                open_ends.pop(message.partition(), None)

    def since(self, at_ms: int) -> Generator[Message, None, None]:
        """Yield every record of that time or later that was in the topic when the call began."""
        places = [TopicPartition(self._topic, partition, at_ms) for partition in self._partitions()]
        try:
            found = self._consumer.offsets_for_times(places, _METADATA_S)
        except KafkaException as error:
            raise ClientError(f"Kafka does not answer: {error.args[0].str()}") from error
        self._consumer.assign(found)
        yield from self._to_ends([place.partition for place in found])

    def follow(self, from_start: bool = False, timeout: float = math.inf) -> Generator[Message, None, None]:
        """Yield records as they come, for `timeout` seconds; with `from_start` the old ones before."""
        self._assign(0 if from_start else OFFSET_END)
        yield from self.rest(timeout)

    def place_at_end(self) -> None:
        """Return when the reader is at the end: `rest` yields what is written from now on."""
        open_ends = dict.fromkeys(self._assign(OFFSET_END))
        while open_ends:
            message = self._poll()
            if message is not None and message.error() is not None:
                open_ends.pop(message.partition(), None)

    def rest(self, timeout: float) -> Generator[Message, None, None]:
        """Yield records as they come, for `timeout` seconds, from where the reader is."""
        limit = time.monotonic() + timeout
        while time.monotonic() < limit:
            message = self._poll()
            if message is not None and message.error() is None:
                yield message

    def at(self, places: Iterable[tuple[int, int]]) -> Generator[Message, None, None]:
        """Yield the records at (partition, offset), partition by partition, each in order of offset.

        One that Kafka has deleted meanwhile is passed over.
        """
        wanted: dict[int, set[int]] = {}
        for partition, offset in places:
            wanted.setdefault(partition, set()).add(offset)
        for partition, offsets in sorted(wanted.items()):
            self._consumer.assign([TopicPartition(self._topic, partition, min(offsets))])
            yield from self._chosen(offsets, max(offsets))

    def _chosen(self, offsets: Set[int], last: int) -> Generator[Message, None, None]:
        """Yield what is at these offsets of the partition that is read."""
        while True:
            message = self._poll()
            if message is None:
                continue
            error, offset = message.error(), message.offset()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                return
            if error is None and offset is not None:
                if offset in offsets:
                    yield message
                if offset >= last:
                    return

    def ends(self) -> dict[int, int]:
        """Return the offset of each partition that its next record will have."""
        try:
            return {
                partition: self._consumer.get_watermark_offsets(
                    TopicPartition(self._topic, partition), _METADATA_S
                )[1]
                for partition in self._partitions()
            }
        except KafkaException as error:
            raise ClientError(f"Kafka does not answer: {error.args[0].str()}") from error

    def _assign(self, offset: int) -> list[int]:
        partitions = self._partitions()
        self._consumer.assign([TopicPartition(self._topic, partition, offset) for partition in partitions])
        return partitions

    def _partitions(self) -> list[int]:
        try:
            topic = self._consumer.list_topics(self._topic, timeout=_METADATA_S).topics[self._topic]
        except KafkaException as error:
            raise ClientError(f"Kafka does not answer: {error.args[0].str()}") from error
        if topic.error is not None:
            raise ClientError(f"topic {self._topic}: {topic.error.str()}")
        return list(topic.partitions)

    def _poll(self) -> Message | None:
        message = self._consumer.poll(_POLL_S)
        if message is not None and message.error() is not None:
            error = message.error()
            if error.code() != KafkaError._PARTITION_EOF and error.fatal():
                raise ClientError(f"Kafka: {error.str()}")
        return message
