"""A ledger: what was accepted, and which final records came back for it.

Requests are sent with librdkafka and counted as accepted when the broker has them; a second thread reads
every partition of the response and dead-letter topics. At the end each accepted id must have one final
record; repeats are counted, losses named. With `committed` the ledger is a consumer that reads what was
committed: of topics written in transactions it counts no record that was taken back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import islice
from typing import Self

import msgspec
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from google.protobuf.message import DecodeError

from pointsman import topics
from pointsman.client.isolation import isolation
from pointsman.pb.v1 import inference_pb2 as pb


class Final(msgspec.Struct):
    """The first final record of an id. `body` is the whole answer where it was JSON.

    `written_ms` is when the job wrote it, on the clock of the machine.
    """

    id: str
    topic: str
    version: str
    epoch: int
    error: str
    written_ms: int
    outputs: dict[str, pb.Tensor]
    body: dict[str, object]


class Ledger:
    """Use it as a context manager, before the first request is sent."""

    def __init__(
        self, kafka: str, *, outputs: tuple[str, ...] = (topics.RESPONSES,), committed: bool = False
    ) -> None:
        self._outputs = outputs
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": "ledger",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 5,
                "isolation.level": isolation(committed),
            }
        )
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "linger.ms": 1,
                "batch.size": topics.PRODUCER_BATCH_BYTES,  # else a fast machine's batches are refused
                "enable.idempotence": True,
            }
        )
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="ledger", daemon=True)
        self.accepted: dict[str, float] = {}
        self.finals: dict[str, Final] = {}
        self.letters: dict[str, pb.DeadLetter] = {}
        self.repeats = 0
        self.letter_repeats = 0

    def __enter__(self) -> Self:
        watched = (*self._outputs, topics.DEAD_LETTERS)
        partitions = [
            TopicPartition(
                topic, number, self._consumer.get_watermark_offsets(TopicPartition(topic, number))[1]
            )
            for topic in watched
            for number in self._consumer.list_topics(topic).topics[topic].partitions
        ]
        self._consumer.assign(partitions)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def send(
        self,
        request_id: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        topic: str = topics.REQUESTS,
        headers: list[tuple[str, bytes | None]] | None = None,
    ) -> None:
        """Send a record; it is accepted when the broker says so. Without an id its place is its id."""

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                place = f"{message.topic()}-{message.partition()}-{message.offset()}"
                self.accepted[request_id or place] = time.monotonic()

        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers or [], on_delivery=delivered)
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def flush(self, timeout_s: float = 60.0) -> None:
        """Wait until the broker has everything."""
        self._producer.flush(timeout_s)

    def newest(self, count: int) -> list[Final]:
        """Return the final records that came last, the last one first."""
        with self._changed:
            return list(islice(reversed(self.finals.values()), count))

    def missing(self) -> set[str]:
        """Return the accepted ids without a final record."""
        return self.accepted.keys() - self.finals.keys()

    def wait(self, timeout_s: float, until: Callable[[], bool] | None = None) -> bool:
        """Return whether every accepted id got its final record in time (or `until` holds)."""
        done = until or (lambda: not self.missing())
        self.flush()
        with self._changed:
            return self._changed.wait_for(done, timeout_s)

    def _read(self) -> None:
        while not self._stop.is_set():
            messages = self._consumer.consume(1000, 0.05)
            with self._changed:
                for message in messages:
                    if message.error() is None:
                        self._take(message)
                self._changed.notify_all()

    def _take(self, message: Message) -> None:
        topic, value, written_ms = str(message.topic()), bytes(message.value() or b""), message.timestamp()[1]
        if topic == topics.DEAD_LETTERS:
            letter = pb.DeadLetter.FromString(value)
            if not letter.mark:
                self.letter_repeats += letter.id in self.letters
                self.letters[letter.id] = letter
            return
        read = _json_final if value[:1] == b"{" else _protobuf_final
        final = read(topic, written_ms, value)
        if final.id in self.finals:
            self.repeats += 1
        else:
            self.finals[final.id] = final


def _protobuf_final(topic: str, written_ms: int, value: bytes) -> Final:
    try:
        response = pb.InferenceResponse.FromString(value)
    except DecodeError as error:
        raise AssertionError(f"a record of {topic} is no response: {value[:80]!r}") from error
    outputs = {tensor.name: tensor for tensor in response.outputs.tensors}
    return Final(
        response.id,
        topic,
        response.version,
        response.epoch,
        response.error.code,
        written_ms,
        outputs,
        {},
    )


def _json_final(topic: str, written_ms: int, value: bytes) -> Final:
    body = msgspec.json.decode(value)
    error = body.get("error", {}).get("code", "")
    epoch = body.get("parameters", {}).get("epoch", 0)
    return Final(body["id"], topic, body.get("model_version", ""), epoch, error, written_ms, {}, body)
