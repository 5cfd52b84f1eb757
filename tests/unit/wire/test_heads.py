"""What the router reads of a record, whatever the record is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import INVALID_ARGUMENT
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1 import ingress_pb2
from pointsman.testing.engine import batch, ingress
from pointsman.wire.head import JSON, Head, read_heads, split_records

FIELDS: dict[str, Any] = {
    "id": "r1",
    "model": "digits",
    "version": "2",
    "label": "canary",
    "unit": "user-7",
    "timeout_ms": 500,
    "reply_key": "gw-3",
}
DEBEZIUM = {"schema": {"type": "struct"}, "payload": {"before": None, "after": {"id": 1}, "op": "c"}}
BROKEN: list[bytes] = [
    b"\x00\x00\x00\x00\x07avro",
    b"\xff" * 40,
    pb.InferenceRequest(id="r1", model="digits").SerializeToString()[:-1],
    b"\x0a\x02\xff\xfe",
    json.dumps(DEBEZIUM).encode(),
    b"hello",
]


def head(value: bytes | None, **fields: Any) -> Head:
    (only,) = read_heads(batch(ingress(value, **fields)))
    return only


def json_head(body: object, **fields: Any) -> Head:
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(value, format=JSON, topic="pointsman.requests.json", **fields)


def test_a_protobuf_head_has_the_fields_of_its_request() -> None:
    request = pb.InferenceRequest(**FIELDS, lane=pb.LANE_INTERACTIVE, context=b"c")
    request.tensors.tensors.add(name="x", raw=b"12345678")
    found = head(request.SerializeToString(), timestamp_ms=1_000)
    assert found[:9] == ("r1", "digits", "2", "canary", "user-7", 1_500, "gw-3", True, 1_000)
    assert found.fault is None


def test_a_request_without_id_is_named_after_its_place() -> None:
    found = head(pb.InferenceRequest(unit="u").SerializeToString(), topic="own", partition=3, offset=42)
    assert (found.id, found.reply_key) == ("own-3-42", "own-3-42")


def test_a_declared_model_beats_the_requests_own() -> None:
    assert head(pb.InferenceRequest(model="a").SerializeToString(), model="b").model == "b"
    assert json_head({"model": "a", "inputs": []}, model="b").model == "b"


@pytest.mark.parametrize(
    "form",
    [
        {"inputs": []},
        {"instances": [[1]]},
        {"inputs": None, "instances": [1]},
        {"columns": [1]},
        {"columns": {"x": [1]}},
    ],
)
def test_a_json_head_has_the_same_fields(form: dict[str, Any]) -> None:
    found = json_head({**FIELDS, **form, "context": {"a": [1]}}, timestamp_ms=1_000)
    assert found[:9] == ("r1", "digits", "2", "canary", "user-7", 1_500, "gw-3", False, 1_000)
    assert (json.loads(found.context), found.fault) == ({"a": [1]}, None)


def test_json_numbers_may_stand_for_names() -> None:
    found = json_head({"id": 7, "unit": 12, "model_version": 3, "inputs": []})
    assert (found.id, found.unit, found.version) == ("7", "12", "3")


def test_a_flat_record_keeps_its_id_and_unit_for_itself() -> None:
    found = json_head({"id": 5, "unit": {"a": 1}, "model": "churn", "age": 3, "context": "me"}, offset=8)
    assert (found.id, found.model, found.unit) == ("pointsman.requests.json-0-8", "churn", "")
    assert (found.context, found.fault) == (b'"me"', None)


@pytest.mark.parametrize("columns", [3, "a", None, True])
def test_a_flat_record_may_have_one_value_under_columns(columns: Any) -> None:
    found = json_head({"id": ["mine"], "columns": columns, "age": 3}, offset=8)
    assert (found.id, found.fault) == ("pointsman.requests.json-0-8", None)


def test_headers_speak_for_a_flat_record() -> None:
    said = {"id": "h", "version": "2", "label": "l", "unit": "u", "reply-key": "k", "other": "x"}
    headers = [ingress_pb2.Header(key=key, value=value.encode()) for key, value in said.items()]
    found = json_head({"age": 3}, headers=headers)
    assert (found.id, found.version, found.label, found.unit, found.reply_key) == ("h", "2", "l", "u", "k")


@pytest.mark.parametrize(("value", "word"), [(None, "null"), (b"", "empty")])
@pytest.mark.parametrize("declared", [ingress_pb2.FORMAT_PROTOBUF, ingress_pb2.FORMAT_JSON])
def test_nothing_is_told_from_emptiness(value: bytes | None, word: str, declared: int) -> None:
    found = head(value, format=declared, offset=4, model="m")
    assert found.fault is not None
    assert found.fault.message == f"the record's value is {word}"
    assert (found.id, found.reply_key, found.model) == (
        "pointsman.requests-0-4",
        "pointsman.requests-0-4",
        "m",
    )


@pytest.mark.parametrize("value", BROKEN, ids=["avro", "noise", "cut", "not-utf8", "debezium", "text"])
def test_what_is_no_protobuf_request_is_told_so(value: bytes) -> None:
    fault = head(value).fault
    assert fault is not None
    assert (fault.code, fault.message) == (
        INVALID_ARGUMENT,
        "the value is not an InferenceRequest in protobuf",
    )


@pytest.mark.parametrize(
    "value",
    [
        b"\x00\x00\x00\x00\x07avro",
        b"not json",
        b"{",
        b"[1, 2]",
        b"3",
        b"null",
        b'"text"',
        b'{"inputs": [1}',
        b'{"inputs": NaN}',
        b'{"inputs": [], "timeout_ms": "soon"}',
        b'{"inputs": [], "id": ["a"]}',
        b'{"columns": [1], "id": ["a"]}',
        b'{"inputs": [], "timeout_ms": 1e400}',
        b'{"inputs": [], "id": "\\ud800"}',
        b'{"inputs": [], "id": "\xff"}',
        b'{"inputs": [], "context": "\xff"}',
        b'{"age": 1, "context": "\xff"}',
        b'{"inputs": ' + b"[" * 100_000,
        b'{"inputs": [], "context": ' + b'{"a":' * 50_000,
        b"[" * 200_000,
    ],
    ids=range(20),
)
def test_a_bad_json_record_has_a_fault_and_no_exception(value: bytes) -> None:
    fault = json_head(value).fault
    assert fault is not None
    assert fault.code == INVALID_ARGUMENT
    assert len(fault.message) < 300


def test_a_change_event_on_a_json_topic_is_a_flat_record() -> None:
    assert json_head(DEBEZIUM).fault is None


def test_of_a_repeated_key_the_last_one_counts() -> None:
    assert json_head(b'{"id": "a", "id": "b", "inputs": []}').id == "b"


@pytest.mark.parametrize("timeout", [2**63 - 1, 10**30])
def test_an_astronomical_timeout_is_the_last_moment_there_is(timeout: int) -> None:
    assert json_head({"inputs": [], "timeout_ms": timeout}, timestamp_ms=2**62).deadline_ms == 2**63 - 1


def test_a_negative_timeout_is_none() -> None:
    assert json_head({"inputs": [], "timeout_ms": -5}).deadline_ms == 0
    assert head(pb.InferenceRequest(id="a", timeout_ms=-5).SerializeToString()).deadline_ms == 0


def test_a_topic_without_format_is_refused() -> None:
    fault = head(b"x", format=ingress_pb2.FORMAT_UNSPECIFIED, topic="strange").fault
    assert fault is not None
    assert fault.message == "topic strange has no declared format"


good = st.builds(
    lambda n: ingress(pb.InferenceRequest(id=f"r{n}", model="m").SerializeToString()), st.integers(0, 99)
)
good_json = st.builds(
    lambda n: ingress(json.dumps({"id": f"r{n}", "model": "m", "inputs": []}).encode(), format=JSON),
    st.integers(0, 99),
)
bad = st.sampled_from([*BROKEN, b"", None]).map(ingress)
bad_json = st.binary(max_size=12).map(lambda value: ingress(b"\xfe" + value, format=JSON))


@given(st.lists(good | good_json | bad | bad_json, max_size=12))
def test_a_bad_record_spoils_no_neighbour(records: list[ingress_pb2.Ingress]) -> None:
    together = read_heads(batch(*records))
    assert together == [read_heads(batch(record))[0] for record in records]
    assert list(split_records(batch(*records))) == [record.SerializeToString() for record in records]


@given(st.binary(max_size=200), st.sampled_from([ingress_pb2.FORMAT_PROTOBUF, ingress_pb2.FORMAT_JSON]))
def test_any_bytes_have_a_head(value: bytes, declared: int) -> None:
    found = head(value, format=declared)
    assert found.id
    assert found.reply_key
    found.id.encode()
