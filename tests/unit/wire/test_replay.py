"""What a dead letter's record looks like when it is sent again, as the router will read it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import FAILED_PRECONDITION, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1 import ingress_pb2
from pointsman.testing.engine import batch, ingress
from pointsman.wire.head import Head, read_heads
from pointsman.wire.letter import ATTEMPT, PINNED, attempt_of
from pointsman.wire.replay import Replay, replay_of

JSON = ingress_pb2.FORMAT_JSON


def letter(record: ingress_pb2.Ingress, **fields: Any) -> pb.DeadLetter:
    message = pb.DeadLetter(id="r-1", model="m", version="2", value_size=len(record.value), **fields)
    message.ingress.CopyFrom(record)
    return message


def sent_again(record: ingress_pb2.Ingress, *, anew: bool = False, **fields: Any) -> Replay:
    replay = replay_of(letter(record, **fields), anew=anew)
    assert isinstance(replay, Replay)
    return replay


def head_of(replay: Replay, like: ingress_pb2.Ingress) -> Head:
    """Return what the router reads of the record in its new place."""
    again = ingress(replay.value, key=replay.key or b"", topic=replay.topic, format=like.format, offset=99)
    again.headers.extend(ingress_pb2.Header(key=key, value=value) for key, value in replay.headers)
    again.model = dict(replay.headers).get("model", b"").decode()
    (head,) = read_heads(batch(again))
    return head


def protobuf(**fields: Any) -> ingress_pb2.Ingress:
    request = pb.InferenceRequest(json=b"[1]", **fields)
    return ingress(request.SerializeToString(), key=b"m")


def body(value: Any, **fields: Any) -> ingress_pb2.Ingress:
    return ingress(json.dumps(value).encode(), topic="own", format=JSON, **{"key": b"m", **fields})


@pytest.mark.parametrize(
    "record",
    [
        protobuf(),
        protobuf(id="other", label="stable", unit="u"),
        body({"model": "m", "inputs": []}),
        body({"instances": [[1]], "id": 7, "version": "1"}),
        body({"columns": {"x": [1]}, "id": 7}),
        body({"age": 41, "id": "theirs"}),
        body({"age": 41}, key=b"", model="m"),
    ],
)
def test_it_keeps_its_id_and_the_version_decided_on(record: ingress_pb2.Ingress) -> None:
    replay = sent_again(record)
    head = head_of(replay, record)
    assert (head.id, head.version, head.fault) == ("r-1", "2", None)
    assert (replay.topic, replay.key or b"") == (record.topic, record.key)


@pytest.mark.parametrize(
    ("record", "version"),
    [(protobuf(), ""), (protobuf(version="1"), "1"), (body({"inputs": []}), ""), (body({"age": 41}), "")],
)
def test_anew_leaves_the_version_to_the_router_unless_the_sender_named_one(
    record: ingress_pb2.Ingress, version: str
) -> None:
    head = head_of(sent_again(record, anew=True), record)
    assert (head.id, head.version) == ("r-1", version)


@given(number=st.integers(-(2**63), 2**64 - 1), text=st.text(max_size=20))
def test_every_other_field_of_a_body_stays_exactly_as_it_was(number: int, text: str) -> None:
    value = {"inputs": [{"data": [number, 0.1]}], "context": {"note": text}, "mine": number}
    again = json.loads(sent_again(body(value)).value)
    assert {name: again[name] for name in value} == value


def test_a_flat_record_is_not_touched_and_its_headers_are_replaced_not_doubled() -> None:
    record = body({"age": 41})
    record.headers.add(key="version", value=b"1")
    record.headers.add(key="trace", value=b"t")
    replay = sent_again(record)
    assert replay.value == record.value
    assert dict(replay.headers) == {
        "version": b"2",
        "trace": b"t",
        "id": b"r-1",
        ATTEMPT: b"2",
        PINNED: b"1",
    }
    assert len(replay.headers) == 5


def test_a_record_without_a_key_finds_its_model_by_a_header() -> None:
    assert ("model", b"m") in sent_again(ingress(b"{}", key=b"", format=JSON)).headers


def test_bytes_that_are_no_request_are_sent_as_they_are() -> None:
    for record in (ingress(b"\xff\xff", key=b"m"), ingress(b"{", key=b"m", format=JSON)):
        assert sent_again(record).value == record.value


def test_a_letter_that_was_cut_or_held_nothing_cannot_be_sent() -> None:
    cut = replay_of(letter(protobuf(), sha256=b"x" * 32))
    nothing = replay_of(letter(ingress(b"", key=b"m", null_value=True)))
    for failure in (cut, nothing):
        assert isinstance(failure, Failure)
        assert failure.code == FAILED_PRECONDITION


def again(replay: Replay, like: ingress_pb2.Ingress, **fields: Any) -> ingress_pb2.Ingress:
    """Return the replayed record as the adapter wraps it."""
    record = ingress(replay.value, key=replay.key or b"", topic=replay.topic, format=like.format, **fields)
    record.headers.extend(ingress_pb2.Header(key=key, value=value) for key, value in replay.headers)
    return record


@pytest.mark.parametrize(
    ("record", "named"),
    [
        (protobuf(), ""),
        (protobuf(label="stable"), ""),
        (protobuf(version="2"), "2"),
        (body({"inputs": []}), ""),
        (body({"inputs": [], "version": "2"}), "2"),
        (body({"instances": [[1]], "model_version": "2"}), "2"),
        (body({"age": 41}), ""),
    ],
)
def test_a_replay_of_a_replay_knows_the_version_it_put_in_itself(
    record: ingress_pb2.Ingress, named: str
) -> None:
    kept = sent_again(again(sent_again(record), record))
    assert head_of(kept, record).version == "2"
    third = again(kept, record)
    assert attempt_of(third) == 3
    anew = sent_again(third, anew=True)
    assert head_of(anew, record).version == named
    assert head_of(anew, record).label == head_of(kept, record).label
    assert (attempt_of(again(anew, record)), PINNED in dict(anew.headers)) == (4, False)


@pytest.mark.parametrize("value", [b"", b"x", b"-3", b"9" * 40, "²".encode()])
def test_an_attempt_that_is_no_number_is_the_first(value: bytes) -> None:
    record = protobuf()
    record.headers.add(key=ATTEMPT, value=value)
    assert attempt_of(record) == 1
    assert attempt_of(again(sent_again(record), record)) == 2
