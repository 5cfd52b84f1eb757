"""Dead letters on a real broker: found, sent again, deleted."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from pointsman import topics
from pointsman.client.letters import Filter, Replayer, letters, purge
from pointsman.client.reader import Reader
from pointsman.errors import ClientError
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1.ingress_pb2 import FORMAT_PROTOBUF


def letter(request_id: str, model: str, at_ms: int, topic: str = topics.REQUESTS) -> pb.DeadLetter:
    made = pb.DeadLetter(id=request_id, model=model, version="1", at_ms=at_ms)
    made.error.code = "UNAVAILABLE" if model == "a" else "INVALID_ARGUMENT"
    made.ingress.topic, made.ingress.key, made.ingress.format = topic, model.encode(), FORMAT_PROTOBUF
    made.ingress.value = pb.InferenceRequest(json=b"[1]").SerializeToString()
    return made


def write(kafka: str, *found: pb.DeadLetter) -> None:
    producer = Producer({"bootstrap.servers": kafka})
    for one in found:
        producer.produce(topics.DEAD_LETTERS, one.SerializeToString(), one.model)
    producer.produce(topics.DEAD_LETTERS, b"\xff\xff not ours", b"x")
    assert producer.flush(20) == 0


@pytest.fixture
def filled(kafka: str) -> Iterator[str]:
    """Yield the broker with five letters, one id twice; they are deleted in the end."""
    write(
        kafka,
        *[letter(f"r{n}", "a" if n < 3 else "b", 1_000 + n) for n in range(5)],
        letter("r0", "a", 2_000),
    )
    yield kafka
    purge(kafka, time.time_ns() // 1_000_000 + 60_000)


def ids(kafka: str, wanted: Filter) -> list[str]:
    return [one.id for one in letters(kafka, wanted)]


def test_letters_are_found_oldest_first_and_once_each(filled: str) -> None:
    assert ids(filled, Filter()) == ["r1", "r2", "r3", "r4", "r0"]
    assert ids(filled, Filter(model="b")) == ["r3", "r4"]
    assert ids(filled, Filter(code="UNAVAILABLE", until_ms=1_002)) == ["r1"]
    assert ids(filled, Filter(version="2")) == []
    assert ids(filled, Filter(since_ms=1_004, ids=frozenset({"r0", "r1"}))) == ["r0"]


def test_records_go_back_to_their_topic_at_the_rate_that_is_asked(filled: str) -> None:
    pauses: list[float] = []
    replayer = Replayer(filled, rate=10, sleep=pauses.append)
    assert [(one.id, failure) for one, failure in replayer.send(letters(filled, Filter(model="b")))] == [
        ("r3", None),
        ("r4", None),
    ]
    assert pauses[1] == pytest.approx(0.1, abs=0.05)
    with Reader(filled, topics.REQUESTS) as reader:
        found = [pb.InferenceRequest.FromString(message.value() or b"") for message in reader.to_end()]
    assert sorted((one.id, one.version) for one in found) == [("r3", "1"), ("r4", "1")]


def test_a_topic_that_is_gone_is_told(filled: str) -> None:
    lost = letter("r9", "a", 1, topic="no.such.topic")
    with pytest.raises(ClientError, match="r9"):
        list(Replayer(filled).send([lost]))


def test_a_purge_goes_by_age_and_a_dry_one_only_counts(filled: str) -> None:
    later = time.time_ns() // 1_000_000 + 60_000
    assert purge(filled, 1) == 0
    count = purge(filled, later, dry_run=True)
    assert count >= 7
    assert len(letters(filled, Filter())) == 5
    assert purge(filled, later) == count
    assert letters(filled, Filter()) == []
    assert purge(filled, later) == 0
