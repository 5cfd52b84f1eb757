"""Records of Kafka topics, read again."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

_POLL_S: Final = 0.1
_TIMEOUT_S: Final = 5.0  # for an answer about the offsets that a partition has
_AT_ONCE: Final = 500


class Found(NamedTuple):
    """A record that was looked for: its offset and what it was made into."""

    offset: int
    value: bytes


class Stretch(NamedTuple):
    """What a reading gave, in order; complete up to `next`. `lost` offsets were no longer in the topic."""

    found: list[Found]
    next: int
    lost: int


# Makes a record into what is wanted of it, or None where it is not looked for.
Pick: TypeAlias = Callable[[Message], bytes | None]


class Readable(Protocol):
    """One partition, as `Cursor` reads it."""

    def read(self, start: int, end: int, records: int, size: int, seconds: float) -> Stretch:
        """Return what is found from `start` up to, not including, `end`: `records` and `size` bytes at most.

        Stops after about `seconds` with what there is. Raises KafkaException where the broker does not
        answer, or does not have the offsets.
        """

    def close(self) -> None:
        """Let go of the broker."""


class Cursor:
    """Reads one partition forwards and keeps what it read ahead. Threads take turns."""

    def __init__(self, kafka: str, topic: str, partition: int, pick: Pick) -> None:
        self._place = (topic, partition)
        self._pick = pick
        self._ahead: deque[Found] = deque()
        self._from = self._upto = -1
        self._lock = threading.Lock()
        self._configuration = _configuration(kafka)
        self._consumer = Consumer(self._configuration)

    def read(self, start: int, end: int, records: int, size: int, seconds: float) -> Stretch:
        """Do as `Readable` says."""
        with self._lock:
            try:
                lost = self._move_to(start, end)
                self._fill(end, records, size, seconds)
            except KafkaException:
                self._begin_anew()
                raise
            found: list[Found] = []
            total = 0
            for one in self._ahead:
                total += len(one.value)
                if one.offset >= end or len(found) >= records or (found and total > size):
                    return Stretch(found, one.offset, lost)
                found.append(one)
            return Stretch(found, self._upto, lost)

    def close(self) -> None:
        """Let go of the broker."""
        with self._lock:
            self._consumer.close()

    def _begin_anew(self) -> None:
        """Let the next reading begin as the first one did.

        A consumer that met a broker before that knew its partitions may go on without them for minutes.
        """
        self._from = self._upto = -1
        self._consumer.close()
        self._consumer = Consumer(self._configuration)

    def _move_to(self, start: int, end: int) -> int:
        """Forget what lies before `start`; return how many offsets of the stretch the topic has dropped."""
        while self._ahead and self._ahead[0].offset < start:
            self._ahead.popleft()
        if self._from <= start <= self._upto:
            self._from = start
            return 0
        first, _ = self._consumer.get_watermark_offsets(TopicPartition(*self._place), _TIMEOUT_S)
        self._ahead.clear()
        self._from, self._upto = start, max(start, min(first, end))
        self._consumer.assign([TopicPartition(*self._place, self._upto)])
        return self._upto - start

    def _fill(self, end: int, records: int, size: int, seconds: float) -> None:
        """Read on until enough is found, or all, or the time is over."""
        have = sum(len(one.value) for one in self._ahead)
        for _ in range(max(1, round(seconds / _POLL_S))):
            if self._upto >= end or len(self._ahead) >= records or have >= size:
                return
            for message in self._polled():
                self._upto = message.offset() + 1
                value = self._pick(message)
                if value is not None:
                    self._ahead.append(Found(message.offset(), value))
                    have += len(value)

    def _polled(self) -> Iterator[Message]:
        for message in self._consumer.consume(_AT_ONCE, _POLL_S):
            error = message.error()
            if error is None:
                yield message
            elif error.code() not in (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT):
                raise KafkaException(error)


def _configuration(kafka: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": kafka,
        "group.id": "pointsman-backlog",  # asked for and never used: partitions are assigned by hand
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_uncommitted",  # as the engine reads
        "fetch.wait.max.ms": 50,
        "queued.max.messages.kbytes": 4096,
        "log_level": 0,
    }
