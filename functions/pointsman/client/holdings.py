"""What pods hold, as they last said it on the status topic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, Self

import msgspec
from google.protobuf.message import DecodeError

from pointsman import topics
from pointsman.client.reader import Reader
from pointsman.core.lifecycle import patience_ms
from pointsman.pb.v1 import routing_pb2, serving_pb2

# So far back words are looked for: a pod of 6,000 models repeats itself within that.
LOOK_BACK_MS: Final = 120_000
SILENCE_MS: Final = 10_000


class Holding(msgspec.Struct, frozen=True):
    """One version at one pod. `bytes` of one that is not in memory are what it will take.

    `passes`, `rows` and `loads` count since the pod began; `last_ms` is 0 where it was not used since, and
    `load_ms` what its last load took. `at_ms` is the date of the word.
    """

    model: str
    version: str
    generation: int
    pool: str
    pod: str
    state: str
    reason: str
    in_memory: bool
    bytes: int
    last_ms: int
    passes: int
    rows: int
    loads: int
    load_ms: int
    at_ms: int


class PodMemory(msgspec.Struct, frozen=True):
    """Bytes that all versions of a pod take, the most they ever took, and may take; of its newest word."""

    pool: str
    bytes: int
    peak: int
    limit: int
    at_ms: int


class Holdings(NamedTuple):
    """What the pods that are alive hold, and what each of them takes, by name."""

    versions: list[Holding]
    pods: dict[str, PodMemory]

    def of(self, model: str, version: str, generation: int) -> list[Holding]:
        """Return the pods' words on one version as it is registered; generation 0 at a pod stands for any."""
        return [
            one
            for one in self.versions
            if (one.model, one.version) == (model, version) and one.generation in (0, generation)
        ]

    @classmethod
    def said(cls, words: Iterable[serving_pb2.PodStatus], now_ms: int) -> Self:
        """Return what words that are not too old amount to, the later ones before the earlier."""
        last = {(word.pod, word.model): word for word in words}
        alive = [
            word
            for word in last.values()
            if not word.leaving and now_ms - word.at_ms <= patience_ms(word.every_ms, SILENCE_MS)
        ]
        pods = {word.pod: _memory(word) for word in sorted(alive, key=lambda word: word.at_ms)}
        return cls([_holding(word, held) for word in alive for held in word.held], pods)


def read_holdings(kafka: str, now_ms: int) -> Holdings:
    """Return what pods hold as of now. Raises ClientError where Kafka does not answer."""
    words = []
    with Reader(kafka, topics.STATUS) as reader:
        for message in reader.since(now_ms - LOOK_BACK_MS):
            try:
                words.append(serving_pb2.PodStatus.FromString(message.value() or b""))
            except DecodeError:
                continue  # somebody else's record: the router says so in its log
    return Holdings.said(words, now_ms)


def _memory(word: serving_pb2.PodStatus) -> PodMemory:
    return PodMemory(word.pool, word.memory_bytes, word.peak_bytes, word.cache_bytes, word.at_ms)


def _holding(word: serving_pb2.PodStatus, held: serving_pb2.PodStatus.Held) -> Holding:
    return Holding(
        model=word.model,
        version=held.version,
        generation=held.generation,
        pool=word.pool,
        pod=word.pod,
        state=routing_pb2.VersionState.Name(held.state),
        reason=held.reason,
        in_memory=held.in_memory,
        bytes=held.footprint,
        last_ms=held.last_ms,
        passes=held.passes,
        rows=held.rows,
        loads=held.loads,
        load_ms=held.load_ms,
        at_ms=word.at_ms,
    )
