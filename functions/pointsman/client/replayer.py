"""Sends the records of dead letters again, and notes in the topic which ones were."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from confluent_kafka import KafkaError, Producer

from pointsman import topics
from pointsman.client.letters import Entry, whole
from pointsman.errors import FAILED_PRECONDITION, ClientError, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.letter import mark_of
from pointsman.wire.replay import Replay, replay_of

FLUSH_S: Final = 30.0


class Store(Protocol):
    """Where the tensors are that letters refer to."""

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys under which there is nothing."""


class Letterbox:
    """A producer of records and marks. Raises ClientError where Kafka fails."""

    def __init__(self, kafka: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "batch.size": topics.PRODUCER_BATCH_BYTES,
                "topic.metadata.propagation.max.ms": 5_000,  # a topic that is gone is told soon
                "log_level": 0,
            }
        )
        self._faults: dict[str, str] = {}
        self._sent: deque[Entry] = deque()

    def send(self, entry: Entry, replay: Replay) -> None:
        """Queue a record; once Kafka has it its letter is marked as replayed.

        Not before: what is sent and not marked is sent twice, what is marked and not sent is lost.
        """

        def delivered(error: KafkaError | None, _: object) -> None:
            if error is None:
                self._sent.append(entry)
            else:
                self._faults[entry.id] = error.str()

        self._produce(replay.topic, replay.key, replay.value, replay.headers, delivered)
        self._mark_sent()

    def mark(self, entry: Entry, mark: pb.DeadLetter.Mark) -> None:
        """Queue the note that a letter is settled."""
        note = mark_of(entry.id, entry.model, entry.attempts, mark, time.time_ns() // 1_000_000)

        def delivered(error: KafkaError | None, _: object) -> None:
            if error is not None:
                self._faults[entry.id] = f"it was not marked: {error.str()}"

        self._produce(topics.DEAD_LETTERS, entry.model.encode(), note, [], delivered)

    def close(self) -> None:
        """Wait until Kafka has everything. Raises ClientError naming what it did not take."""
        left = self._producer.flush(FLUSH_S)
        self._mark_sent()
        left += self._producer.flush(FLUSH_S)
        if left:
            raise ClientError(f"Kafka did not take {left} records within {FLUSH_S:.0f} s")
        if self._faults:
            request_id, reason = next(iter(self._faults.items()))
            raise ClientError(f"{len(self._faults)} records failed, the first {request_id!r}: {reason}")

    def _mark_sent(self) -> None:
        while self._sent:
            self.mark(self._sent.popleft(), pb.DeadLetter.REPLAYED)

    def _produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: list[tuple[str, bytes]],
        delivered: Callable[[KafkaError | None, object], None],
    ) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers, on_delivery=delivered)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)


class Replayer:
    """Sends the records of letters to the topics they came from, at most `rate` a second; 0: no limit.

    With a `store` a letter is not sent whose tensors are gone.
    """

    def __init__(
        self,
        kafka: str,
        rate: float = 0.0,
        store: Store | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._kafka = kafka
        self._rate = rate
        self._store = store
        self._sleep = sleep

    def send(self, chosen: Iterable[Entry], *, anew: bool = False) -> Iterator[tuple[Entry, Failure | None]]:
        """Yield each letter as it is sent, or with why it is not. Raises ClientError where Kafka fails."""
        box = Letterbox(self._kafka)
        begun, number = time.monotonic(), 0
        try:
            for entry, letter in whole(self._kafka, chosen):
                replay = self._checked(entry, replay_of(letter, anew=anew))
                if isinstance(replay, Failure):
                    yield entry, replay
                    continue
                if self._rate:
                    self._sleep(max(0.0, begun + number / self._rate - time.monotonic()))
                number += 1
                box.send(entry, replay)
                yield entry, None
        finally:
            box.close()

    def _checked(self, entry: Entry, replay: Replay | Failure) -> Replay | Failure:
        if isinstance(replay, Failure) or self._store is None or not entry.references:
            return replay
        gone = self._store.missing(entry.references)
        if not gone:
            return replay
        what = f"{len(gone)} of its {len(entry.references)} tensors by reference are gone"
        return Failure(FAILED_PRECONDITION, f"{what}; send the request from its source")
