"""Dead letters on a real broker: found, sent again, deleted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pytest
from confluent_kafka import Producer

from pointsman import topics
from pointsman.client.letters import Filter, letters, whole
from pointsman.client.purge import purge
from pointsman.client.reader import Reader
from pointsman.client.replayer import Replayer
from pointsman.errors import ClientError
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1.ingress_pb2 import FORMAT_PROTOBUF
from pointsman.wire.letter import ATTEMPT

OPEN, ALL = Filter(), Filter(until_ms=2**62, replayed=True)


def letter(
    request_id: str, model: str, at_ms: int, topic: str = topics.REQUESTS, attempts: int = 1, key: str = ""
) -> pb.DeadLetter:
    made = pb.DeadLetter(id=request_id, model=model, version="1", at_ms=at_ms, attempts=attempts)
    made.error.code = "UNAVAILABLE" if model == "a" else "INVALID_ARGUMENT"
    made.ingress.topic, made.ingress.key, made.ingress.format = topic, model.encode(), FORMAT_PROTOBUF
    request = pb.InferenceRequest(json=b"[1]")
    if key:
        request.tensors.tensors.add(name="x", reference=key)
    made.ingress.value = request.SerializeToString()
    made.ingress.headers.add(key=ATTEMPT, value=str(attempts).encode())
    return made


def write(kafka: str, *found: pb.DeadLetter) -> None:
    producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
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
    purge(kafka, ALL)
    assert ids(kafka, ALL) == []


def ids(kafka: str, wanted: Filter = OPEN) -> list[str]:
    return [one.id for one in letters(kafka, wanted)]


def stored(kafka: str) -> int:
    """Return how many records the dead-letter topic still holds."""
    with Reader(kafka, topics.DEAD_LETTERS) as reader:
        return sum(1 for _ in reader.to_end())


def test_letters_are_found_oldest_first_and_once_each(filled: str) -> None:
    assert ids(filled) == ["r1", "r2", "r3", "r4", "r0"]
    assert ids(filled, Filter(model="b")) == ["r3", "r4"]
    assert ids(filled, Filter(code="UNAVAILABLE", until_ms=1_002)) == ["r1"]
    assert ids(filled, Filter(version="2")) == []
    assert ids(filled, Filter(since_ms=1_004, ids=frozenset({"r0", "r1"}))) == ["r0"]


def test_one_id_of_two_models_is_two_letters(filled: str) -> None:
    write(filled, letter("r1", "b", 3_000))
    assert ids(filled, Filter(ids=frozenset({"r1"}))) == ["r1", "r1"]


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


def test_what_was_sent_again_is_settled_until_it_fails_again(filled: str) -> None:
    list(Replayer(filled).send(letters(filled, Filter(model="b"))))
    assert ids(filled) == ["r1", "r2", "r0"]
    assert ids(filled, Filter(replayed=True)) == ["r1", "r2", "r3", "r4", "r0"]
    assert ids(filled, Filter(ids=frozenset({"r3"}))) == ["r3"]
    write(filled, letter("r3", "b", 3_000, attempts=2), letter("r4", "b", 3_001))
    assert ids(filled, Filter(model="b")) == ["r3", "r4"]


def test_a_letter_that_overtook_the_mark_of_its_replay_stays(filled: str) -> None:
    (before,) = letters(filled, Filter(ids=frozenset({"r3"})))
    write(filled, letter("r3", "b", 3_000, attempts=2))
    list(Replayer(filled).send([before]))
    assert ids(filled, Filter(model="b")) == ["r4", "r3"]


def test_a_letter_whose_tensors_are_gone_is_not_sent(filled: str) -> None:
    class Empty:
        def missing(self, keys: Iterable[str]) -> list[str]:
            return list(keys)

    write(filled, letter("r8", "b", 3_000, key="pointsman:blob:8"))
    chosen = letters(filled, Filter(ids=frozenset({"r4", "r8"})))
    said = {one.id: failure for one, failure in Replayer(filled, store=Empty()).send(chosen)}
    assert said["r4"] is None
    assert said["r8"] is not None
    assert "1 of its 1 tensors" in said["r8"].message
    assert ids(filled, Filter(model="b")) == ["r3", "r8"]


def test_a_topic_that_is_gone_is_told_and_its_letter_stays_open(filled: str) -> None:
    write(filled, letter("r9", "b", 1, topic="no.such.topic"))
    chosen = letters(filled, Filter(ids=frozenset({"r9"})))
    with pytest.raises(ClientError, match="r9"):
        list(Replayer(filled).send(chosen))
    assert "r9" in ids(filled)


def test_letters_are_read_whole_only_where_they_are_wanted(filled: str) -> None:
    found = letters(filled, Filter())
    wanted = [found[0], found[3], found[4]]
    read = [(entry.id, one.id, bool(one.ingress.value)) for entry, one in whole(filled, wanted)]
    assert sorted(read) == [("r0", "r0", True), ("r1", "r1", True), ("r4", "r4", True)]
    assert list(whole(filled, [])) == []


def test_a_purge_of_all_leaves_nothing_and_a_dry_one_only_tells(filled: str) -> None:
    later = Filter(until_ms=time.time_ns() // 1_000_000 + 60_000)
    assert purge(filled, Filter(until_ms=1)) == ([], [], [])
    assert len(purge(filled, later, dry_run=True).deleted) == 5
    assert len(ids(filled)) == 5
    assert len(purge(filled, later).deleted) == 5
    assert stored(filled) == 0
    assert purge(filled, later) == ([], [], [])


def test_a_purge_hides_what_kafka_cannot_delete_yet_and_deletes_it_later(filled: str) -> None:
    done = purge(filled, Filter(ids=frozenset({"r1"})))
    assert ([one.id for one in done.deleted], [one.id for one in done.marked]) == (["r1"], [])
    done = purge(filled, Filter(ids=frozenset({"r0"})))
    assert ([one.id for one in done.deleted], [one.id for one in done.marked]) == ([], ["r0"])
    assert ids(filled, ALL) == ["r2", "r3", "r4"]
    purge(filled, Filter(model="a"))
    purge(filled, Filter(model="b"))
    assert stored(filled) == 0


def test_a_purge_names_the_references_that_no_letter_has_any_more(filled: str) -> None:
    write(filled, letter("r5", "b", 3_000, key="one"), letter("r6", "b", 3_001, key="both"))
    write(filled, letter("r7", "a", 3_002, key="both"))
    assert purge(filled, Filter(model="b"), dry_run=True).references == ["one"]
    assert purge(filled, Filter(model="b")).references == ["one"]
    assert purge(filled, Filter(model="a")).references == ["both"]
