"""Responses written in pieces are the message that the generated classes would make."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import DTYPES, Array, Item
from pointsman.errors import INVALID_ARGUMENT, UNAVAILABLE, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1 import ingress_pb2
from pointsman.wire.response import (
    DEAD_LETTER_BYTES,
    ResponseWriter,
    Served,
    dead_letter,
    echo_of,
    echo_of_bytes,
)
from pointsman.wire.tensors import array_from_pb, tensor_to_pb

SERVED = Served("digits", "2", "2", 17)
TIMINGS = pb.Timings(queued_us=5, compute_us=6, batch_rows=7)
FIXED = sorted(set(DTYPES) - {"BYTES"})
shapes = st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple)


def objects(*elements: bytes | str) -> Array:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


def answer(item: Item, echo: bytes = b"") -> pb.InferenceResponse:
    written = ResponseWriter(SERVED, TIMINGS).answer("id-1", "decision", item, echo)
    assert isinstance(written, bytes)
    return pb.InferenceResponse.FromString(written)


def plain(item: Item) -> pb.InferenceResponse:
    """Build the same response in the ordinary way."""
    response = pb.InferenceResponse(id="id-1", decision_id="decision", timings=TIMINGS, **SERVED._asdict())
    response.outputs.SetInParent()
    for name, array in item.items():
        tensor = tensor_to_pb(name, array)
        assert isinstance(tensor, pb.Tensor)
        response.outputs.tensors.append(tensor)
    return response


@given(st.sampled_from(FIXED), shapes, st.text(max_size=6), st.data())
def test_one_output_of_any_datatype_and_shape(
    datatype: str, shape: tuple[int, ...], name: str, data: st.DataObject
) -> None:
    size = int(np.prod(shape)) * DTYPES[datatype].itemsize
    raw = data.draw(st.binary(min_size=size, max_size=size))
    if datatype == "BOOL":
        raw = bytes(byte & 1 for byte in raw)
    item = {name: np.frombuffer(raw, DTYPES[datatype]).reshape(shape)}
    assert answer(item) == plain(item)


@pytest.mark.parametrize(
    "item",
    [
        {"text": objects("Zürich", b"\x00\xff", "")},
        {"text": np.array(["a", "bc"])},
        {"text": np.array([b"a", b"bc"])},
        {"big": np.arange(3, dtype=">i4").reshape(3, 1)},
        {"column": np.asfortranarray(np.arange(6, dtype="f4").reshape(2, 3))},
        {"strided": np.arange(12, dtype="f4").reshape(6, 2)[::2]},
        {"large": np.zeros((1, 20_000), "f4")},
        {"y": np.ones((1, 2), "f4"), "label": objects("seven"), "n": np.ones(1, "i8")},
        {},
    ],
    ids=lambda item: "-".join(item) or "none",
)
def test_outputs_of_every_kind(item: Item) -> None:
    assert answer(item) == plain(item)


def test_one_writer_answers_many_with_different_shapes() -> None:
    writer = ResponseWriter(SERVED, TIMINGS)
    for rows in (1, 2, 1, 300, 2):
        array = np.full((rows, 3), rows, "f4")
        written = writer.answer("i", "d", {"y": array})
        assert isinstance(written, bytes)
        found = array_from_pb(pb.InferenceResponse.FromString(written).outputs.tensors[0])
        assert np.array_equal(np.asarray(found), array)


def test_an_output_that_the_protocol_lacks_is_a_failure() -> None:
    written = ResponseWriter(SERVED, TIMINGS).answer("i", "d", {"y": np.ones(2, "c8")})
    assert isinstance(written, Failure)
    assert written.field == "y"


@pytest.mark.parametrize("failure", [Failure(UNAVAILABLE, "later"), Failure(INVALID_ARGUMENT, "no: é", "x")])
def test_a_refusal_says_code_message_field_and_whether_to_retry(failure: Failure) -> None:
    written = ResponseWriter(SERVED, TIMINGS).refusal("id-1", "decision", failure)
    response = pb.InferenceResponse.FromString(written)
    assert not response.HasField("outputs")
    error = response.error
    assert (error.code, error.message, error.field) == (failure.code, failure.message, failure.field)
    assert error.retryable == (failure.code == UNAVAILABLE)
    assert (response.id, response.model, response.epoch) == ("id-1", "digits", 17)


def test_context_and_trace_are_echoed_and_the_rest_of_a_request_is_not() -> None:
    request = pb.InferenceRequest(id="r", unit="u", context=b"\x00any", traceparent="00-1")
    request.tensors.tensors.add(name="x", raw=b"1234")
    echo = echo_of(request)
    assert echo_of_bytes(request.SerializeToString()) == echo
    response = answer({"y": np.ones(1, "f4")}, echo)
    assert (response.context, response.traceparent, response.id) == (b"\x00any", "00-1", "id-1")
    assert len(response.outputs.tensors) == 1


def test_there_is_no_echo_of_what_is_no_request() -> None:
    assert echo_of_bytes(b"\x00\x00\x00\x00\x01avro") == b""
    assert echo_of(pb.InferenceRequest(id="r")) == b""


@pytest.mark.parametrize("more", [0, 1])
def test_a_dead_letter_is_whole_up_to_its_limit_and_cut_one_byte_beyond(more: int) -> None:
    value = bytes(DEAD_LETTER_BYTES + more)
    record = ingress_pb2.Ingress(topic="t", offset=9, key=b"k", value=value)
    letter = pb.DeadLetter.FromString(
        dead_letter(record, Served("m", "1", "", 0), "id", Failure(UNAVAILABLE, "no"), 77)
    )
    assert (letter.id, letter.model, letter.version, letter.at_ms, letter.attempts) == ("id", "m", "1", 77, 1)
    assert (letter.value_size, len(letter.ingress.value)) == (len(value), DEAD_LETTER_BYTES)
    assert letter.sha256 == (sha256(value).digest() if more else b"")
    assert (letter.ingress.topic, letter.ingress.offset, letter.ingress.key) == ("t", 9, b"k")
    assert letter.error.retryable
