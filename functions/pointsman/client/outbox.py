"""Sends records, and tells of those that could not be sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from pointsman.topics import PRODUCER_BATCH_BYTES

_FULL_S: Final = 0.002
_FLUSH_S: Final = 5.0


class Outbox:
    """A producer and its thread. `failed(tag, reason)` is called in that thread.

    A record waits `linger_ms` for others that leave with it.
    """

    def __init__(self, kafka: str, failed: Callable[[str, str], None], linger_ms: float = 1) -> None:
        self._failed = failed
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "linger.ms": linger_ms,
                "batch.size": PRODUCER_BATCH_BYTES,
                "partitioner": "murmur2_random",  # Java's, so that keys land where consumers expect
                "delivery.report.only.error": True,
                "enable.idempotence": True,
                "log_level": 0,
            }
        )
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="pointsman-outbox", daemon=True)
        self._thread.start()

    async def send(self, topic: str, key: bytes, value: bytes, tag: str) -> None:
        """Queue a record; waits while the queue is full. `tag` names it to `failed`."""
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._report(tag))
            except BufferError:
                await asyncio.sleep(_FULL_S)
            else:
                return

    def close(self) -> None:
        """Send what is queued, for at most five seconds, and stop."""
        self._producer.flush(_FLUSH_S)
        self._closing.set()
        self._thread.join()

    def _report(self, tag: str) -> Callable[[KafkaError | None, Message], None]:
        def report(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                self._failed(tag, error.str())

        return report

    def _serve(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(0.1)
