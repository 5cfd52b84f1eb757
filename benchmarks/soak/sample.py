"""What is measured again and again while a stack runs."""

from __future__ import annotations

import time
from typing import Final

import msgspec
from confluent_kafka import Consumer, TopicPartition

from benchmarks.stream import processes
from pointsman import topics
from pointsman.localstack import rest
from pointsman.localstack.stack import Stack
from pointsman.testing.ledger import Ledger

GROUP: Final = "pointsman"


class Sample(msgspec.Struct, frozen=True):
    """A moment: memory (PSS, MiB) by process, the last checkpoint's size (KiB) and duration (ms), and lags.

    `lag` counts records of the request topics that no checkpoint holds yet, so about a second of traffic;
    `under_way` the accepted requests without their final record.
    """

    at_s: float
    memory_mib: dict[str, float]
    checkpoint_kib: float
    checkpoint_ms: float
    lag: int
    under_way: int


class Sampler:
    """Takes samples of a stack; close it in the end."""

    def __init__(self, stack: Stack, ledger: Ledger) -> None:
        self._stack = stack
        self._ledger = ledger
        self._begun = time.monotonic()
        self._consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": GROUP})
        self._places = [
            TopicPartition(topic.name, number)
            for topic in topics.TABLE
            if topic.name in (topics.REQUESTS, topics.REQUESTS_JSON)
            for number in range(topic.partitions)
        ]

    def take(self) -> Sample:
        """Return what is now."""
        size, took = self._checkpoint()
        return Sample(
            time.monotonic() - self._begun,
            processes.memory_mib(self._stack.record.children),
            size / 1024,
            took,
            self._lag(),
            len(self._ledger.missing()),
        )

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()

    def _lag(self) -> int:
        committed = self._consumer.committed(self._places, timeout=10)
        return sum(
            self._consumer.get_watermark_offsets(place, 10)[1] - max(0, place.offset) for place in committed
        )

    def _checkpoint(self) -> tuple[float, float]:
        """Return bytes and milliseconds of the newest completed checkpoint."""
        port = self._stack.record.children["engine"].port
        jobs = (rest.get_json(port, "/jobs") or {}).get("jobs") or [{"id": "none"}]
        said = rest.get_json(port, f"/jobs/{jobs[0]['id']}/checkpoints") or {}
        last = said.get("latest", {}).get("completed") or {}
        return float(last.get("state_size", 0)), float(last.get("end_to_end_duration", 0))
