"""Reads the dead-letter topic, and sends its records again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from google.protobuf.message import DecodeError

from pointsman import topics
from pointsman.client.reader import Reader
from pointsman.errors import ClientError, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.replay import Replay, replay_of

_ADMIN_S: Final = 30.0
_BATCH_BYTES: Final = topics.MAX_REQUEST_BYTES - 4096


class Filter(msgspec.Struct, frozen=True):
    """Which letters are meant; what is empty or 0 is not asked for. Times are in ms since the epoch."""

    model: str = ""
    version: str = ""
    code: str = ""
    since_ms: int = 0
    until_ms: int = 0
    ids: frozenset[str] = frozenset()

    def takes(self, letter: pb.DeadLetter) -> bool:
        """Whether a letter is meant."""
        return (
            self.model in ("", letter.model)
            and self.version in ("", letter.version)
            and self.code in ("", letter.error.code)
            and self.since_ms <= letter.at_ms
            and (not self.until_ms or letter.at_ms < self.until_ms)
            and (not self.ids or letter.id in self.ids)
        )


def letters(kafka: str, wanted: Filter) -> list[pb.DeadLetter]:
    """Return the letters that are meant, oldest first; of several with one id only the last counts."""
    found: dict[str, pb.DeadLetter] = {}
    with Reader(kafka, topics.DEAD_LETTERS, committed=True) as reader:
        for message in reader.to_end():
            try:
                letter = pb.DeadLetter.FromString(message.value() or b"")
            except DecodeError:
                continue  # not ours
            found.pop(letter.id, None)  # an id's state is its last letter
            if wanted.takes(letter):
                found[letter.id] = letter
    return sorted(found.values(), key=lambda letter: letter.at_ms)


class Replayer:
    """Sends the records of letters to the topics they came from, at most `rate` a second; 0: no limit."""

    def __init__(self, kafka: str, rate: float = 0.0, sleep: Callable[[float], None] = time.sleep) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "batch.size": _BATCH_BYTES,
                "topic.metadata.propagation.max.ms": 5_000,  # a topic that is gone is told soon
                "log_level": 0,
            }
        )
        self._rate = rate
        self._sleep = sleep
        self._faults: dict[str, str] = {}

    def send(
        self, chosen: Iterable[pb.DeadLetter], *, anew: bool = False
    ) -> Iterator[tuple[pb.DeadLetter, Failure | None]]:
        """Yield each letter as it is sent, or with why it is not. Raises ClientError where Kafka fails."""
        begun = time.monotonic()
        for number, letter in enumerate(chosen):
            replay = replay_of(letter, anew=anew)
            if isinstance(replay, Replay):
                if self._rate:
                    self._sleep(max(0.0, begun + number / self._rate - time.monotonic()))
                self._produce(letter.id, replay)
                yield letter, None
            else:
                yield letter, replay
        left = self._producer.flush(_ADMIN_S)
        if left:
            raise ClientError(f"Kafka did not take {left} records within {_ADMIN_S:.0f} s")
        if self._faults:
            request_id, reason = next(iter(self._faults.items()))
            raise ClientError(
                f"{len(self._faults)} records were not sent, the first {request_id!r}: {reason}"
            )

    def _produce(self, request_id: str, replay: Replay) -> None:
        def delivered(error: KafkaError | None, _: object) -> None:
            if error is not None:
                self._faults[request_id] = error.str()

        while True:
            try:
                self._producer.produce(
                    replay.topic, replay.value, replay.key, headers=replay.headers, on_delivery=delivered
                )
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)


def purge(kafka: str, before_ms: int, *, dry_run: bool = False) -> int:
    """Delete the letters written before a moment; return how many there were. Raises ClientError.

    Kafka deletes from a partition's beginning only, so a purge goes by time and by nothing else. Of letters
    written in transactions the mark at the end of each transaction counts as well.
    """
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    with Reader(kafka, topics.DEAD_LETTERS) as reader:
        ends = reader.offsets_before(before_ms)
    places = [
        TopicPartition(topics.DEAD_LETTERS, place, end) for place, (begin, end) in ends.items() if end > begin
    ]
    if dry_run:
        places = []
    try:
        for done in (admin.delete_records(places, request_timeout=_ADMIN_S) if places else {}).values():
            done.result()
    except KafkaException as error:
        raise ClientError(f"Kafka does not delete the letters: {error.args[0].str()}") from error
    return sum(end - begin for begin, end in ends.values() if end > begin)
