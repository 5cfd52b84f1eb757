"""Hostile input on the real engine: all is answered, neighbours are served, nothing restarts."""

from __future__ import annotations

import os
from functools import partial

import msgspec
import numpy as np
import pytest

from pointsman import topics
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.testing.request import request
from pointsman.wire.tensors import tensor_to_pb
from tests.e2e.bench import Bench, scale

_REQUEST_TOPICS = (topics.REQUESTS, topics.REQUESTS_JSON)
BOMB = b'{"inputs":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
AVRO = b"\x00\x00\x00\x00\x07\x02\x0eabc\x00\xff\xff"
DEBEZIUM = b'{"schema":{"type":"struct"},"payload":{"op":"u","before":null,"after":{"id":7}}}'


@pytest.fixture
def model(bench: Bench, name: str) -> str:
    """Return a healthy model beside the hostile records."""
    bench.apply(name, {"1": scale(1)}, {"1": 1})
    return name


def test_records_of_every_hostile_kind_are_answered_and_their_neighbours_served(
    bench: Bench, model: str, row: np.ndarray
) -> None:
    hostile: list[tuple[bytes | None, bytes | None, str]] = []
    values = [
        None,
        b"",
        os.urandom(64),
        request(model, "cut", row)[:-9],
        BOMB,
        AVRO,
        DEBEZIUM,
        b"{}",
        b"[]",
        b"nul",
    ]
    keys = [model.encode(), None, b"", b"a/b", b"..", b"x" * 300, b"\xff\xfe", b"UPPER", b"no-such-model"]
    hostile += [(value, key, topic) for value in values for key in keys for topic in _REQUEST_TOPICS]
    for number, (value, key, topic) in enumerate(hostile):
        bench.ledger.send("", value, key=key, topic=topic)
        bench.send(model, f"{model}-{number}", row)
    bench.settled(120)
    for number in range(len(hostile)):
        np.testing.assert_array_equal(bench.outputs(f"{model}-{number}")["y"], row)
    refused = [final for final in bench.ledger.finals.values() if final.error]
    assert len(refused) >= len(hostile) - len(_REQUEST_TOPICS)  # "cut" may parse as a request without tensors
    ids = {final.id for final in refused}
    assert bench.ledger.wait(30, until=lambda: ids <= bench.ledger.letters.keys())


@pytest.mark.parametrize(
    ("what", "array"),
    [
        ("wrong dtype", np.ones((1, 4), np.float64)),
        ("wrong shape", np.ones((1, 5), np.float32)),
        ("no rows", np.ones((0, 4), np.float32)),
        ("no batch dimension", np.float32(1)),
    ],
)
def test_an_item_that_does_not_fit_is_refused_alone(
    bench: Bench, model: str, row: np.ndarray, what: str, array: np.ndarray
) -> None:
    for number in range(20):
        bench.send(model, f"good-{number}", row)
    bench.send(model, what, array)
    bench.settled()
    assert bench.ledger.finals[what].error == "INVALID_ARGUMENT"
    assert all(not bench.ledger.finals[f"good-{number}"].error for number in range(20))


def test_nan_goes_through_as_it_is(bench: Bench, model: str) -> None:
    bench.send(model, "nan", np.full((1, 4), np.nan, np.float32))
    bench.settled()
    assert np.isnan(bench.outputs("nan")["y"]).all()


def test_an_unknown_model_version_or_label_is_not_found(bench: Bench, model: str, row: np.ndarray) -> None:
    bench.send("nobody-knows", "model", row)
    bench.send(model, "version", row, version="77")
    bench.send(model, "label", row, label="stable")
    bench.settled()
    assert [bench.ledger.finals[one].error for one in ("model", "version", "label")] == ["NOT_FOUND"] * 3


def test_a_request_past_its_deadline_expires(bench: Bench, name: str, row: np.ndarray) -> None:
    bench.apply(name, {"1": scale(1, pause_ms=400, max_batch=1, concurrency=1)}, {"1": 1})
    for attempt in range(5):
        # The first is to go alone; then those that follow are a call of 1.6 s, and the late one waits behind
        # it. Where they all came together there is nothing to wait behind: once more.
        bench.send(name, f"first-{attempt}", row)
        bench.ledger.flush()
        for number in range(4):
            bench.send(name, f"before-{attempt}-{number}", row)
        assert bench.ledger.wait(60, until=partial(bench.ledger.finals.__contains__, f"first-{attempt}"))
        bench.send(name, f"late-{attempt}", row, timeout_ms=500)
        bench.settled()
        if bench.ledger.finals[f"late-{attempt}"].error:
            break
    errors = {final.id: final.error for final in bench.ledger.finals.values() if final.error}
    assert errors == {f"late-{attempt}": "DEADLINE_EXCEEDED"}


def test_context_comes_back_with_answers_and_refusals(bench: Bench, model: str, row: np.ndarray) -> None:
    bench.send_json("bad", {"id": "bad", "model": model, "inputs": [], "context": {"order": 9}}, key=model)
    bench.settled()
    assert bench.ledger.finals["bad"].body["context"] == {"order": 9}


def test_a_moody_model_fails_its_own_rows_only(bench: Bench, name: str) -> None:
    versions = {"1": {"uri": "python:e2e_models:Moody", "runtime": "python"}}
    bench.apply(name, versions, {"1": 1})
    moods = {"raises": -1.0, "short": -2.0}
    for number in range(30):
        bench.send(name, f"calm-{number}", np.full((1, 4), number, np.float32))
        for mood, value in moods.items():
            bench.send(name, f"{mood}-{number}", np.full((1, 4), value, np.float32))
    bench.settled(120)
    for number in range(30):
        assert bench.outputs(f"calm-{number}")["y"][0, 0] == number
        assert bench.ledger.finals[f"raises-{number}"].error == "INTERNAL"
        assert bench.ledger.finals[f"short-{number}"].error == "INTERNAL"


def test_a_model_that_hangs_is_answered_and_comes_back(
    bench: Bench, model: str, name: str, row: np.ndarray
) -> None:
    moody = f"{name}-moody"
    bench.apply(moody, {"1": {"uri": "python:e2e_models:Moody", "runtime": "python"}}, {"1": 1})
    bench.send(moody, "hangs", np.full((1, 4), -3.0, np.float32))
    for number in range(20):
        bench.send(model, f"other-{number}", row)
    bench.settled(90)
    assert bench.ledger.finals["hangs"].error == "DEADLINE_EXCEEDED"
    assert all(not bench.ledger.finals[f"other-{number}"].error for number in range(20))
    bench.send(moody, "again", row)
    bench.settled(90)
    assert not bench.ledger.finals["again"].error


def test_a_request_of_the_largest_size_is_served_and_one_byte_more_is_not_accepted(
    bench: Bench, model: str
) -> None:
    def sized(size: int) -> bytes:
        tensor = tensor_to_pb("x", np.ones((1, 4), np.float32))
        assert isinstance(tensor, pb.Tensor)
        fixed = pb.InferenceRequest(id="large", model=model, tensors=pb.Tensors(tensors=[tensor]))
        return pb.InferenceRequest(
            id="large", model=model, tensors=fixed.tensors, context=b"c" * (size - fixed.ByteSize() - 4)
        ).SerializeToString()

    # What the topic's limit leaves for a value: Kafka counts its batch's own bytes as well.
    bench.ledger.send("large", sized(topics.MAX_REQUEST_BYTES - 200), key=model.encode())
    bench.settled()
    assert not bench.ledger.finals["large"].error
    accepted = len(bench.ledger.accepted)
    bench.ledger.send("too-large", sized(topics.MAX_REQUEST_BYTES + 1), key=model.encode())
    bench.ledger.flush()
    assert len(bench.ledger.accepted) == accepted


def test_a_response_too_large_for_its_topic_comes_by_reference(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": {"uri": "python:e2e_models:Large", "runtime": "python"}}, {"1": 1})
    bench.send(name, "large", row)
    body = {"id": "large-json", "model": name, "instances": [[1, 2, 3, 4]]}
    bench.send_json("large-json", body, key=name)
    bench.settled()
    tensor = bench.ledger.finals["large"].outputs["y"]
    assert tensor.reference
    assert not tensor.raw
    assert bench.ledger.finals["large-json"].error == "RESOURCE_EXHAUSTED"
    assert msgspec.json.encode(bench.ledger.finals["large-json"].body)
