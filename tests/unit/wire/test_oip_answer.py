"""Answers as a client reads them: whatever the bytes are, outputs or a failure that says what is wrong."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_answer import OipAnswer, read_answer
from pointsman.wire.oip_ask import write_ask
from pointsman.wire.oip_request import OipRequest, read_request

RAW = np.array([1.5, 2.5], "<f4").tobytes()


def body(outputs: Any, tail: bytes = b"", **fields: Any) -> tuple[bytes, int]:
    text = msgspec.json.encode({"model_name": "m", "outputs": outputs, **fields})
    return text + tail, len(text)


def output(**fields: Any) -> dict[str, Any]:
    return {"name": "y", "datatype": "FP32", "shape": [1, 2], **fields}


def binary(size: Any = 8) -> dict[str, Any]:
    return output(parameters={"binary_data_size": size})


def test_a_request_is_read_as_it_was_written() -> None:
    tensors = [
        pb.Tensor(name="x", datatype="FP32", shape=[1, 2], raw=RAW),
        pb.Tensor(name="n", datatype="UINT8", shape=[1, 0]),
    ]
    written = write_ask(tensors)
    assert read_request(written.body, written.json_length) == OipRequest("", tensors, binary_default=True)


def test_json_and_binary_outputs_may_be_mixed() -> None:
    text, length = body([output(name="a", data=[[1, None]]), binary()], RAW, id="i", model_version="3")
    answer = read_answer(text, length)
    assert isinstance(answer, OipAnswer)
    assert (answer.model, answer.version, answer.id) == ("m", "3", "i")
    assert answer.outputs["y"].tolist() == [[1.5, 2.5]]
    assert np.array_equal(answer.outputs["a"], [[1, np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("outputs", "tail", "said"),
    [
        ([binary()], RAW[:-1], "more than the 7 bytes"),
        ([binary()], RAW + b"x", "1 bytes are left over"),
        ([binary(7)], RAW[:-1], "needs 8 bytes"),
        ([binary("8")], RAW, "whole number"),
        ([binary(), binary()], RAW + RAW, "given twice"),
        ([output(data=[1])], b"", "needs 2 elements"),
        ([output()], b"", "outputs.y.data: is missing"),
        ([output(data=["a", "b"])], b"", "must be numbers"),
        ([output(datatype="INT8", data=[1, None])], b"", "whole numbers"),
        ([output(datatype="FP8", data=[1, 2])], b"", "unknown datatype"),
        ([output(shape=[-1], data=[1])], b"", "dimensions"),
        ({}, b"", "Expected `array`"),
    ],
)
def test_what_does_not_fit_is_said(outputs: Any, tail: bytes, said: str) -> None:
    failure = read_answer(*body(outputs, tail))
    assert isinstance(failure, Failure)
    assert said in failure.message


def test_a_binary_output_needs_the_header() -> None:
    text, _ = body([binary()])
    failure = read_answer(text, None)
    assert isinstance(failure, Failure)
    assert "nothing behind the JSON" in failure.message


@given(st.binary(max_size=60), st.none() | st.integers(-1, 70))
def test_whatever_the_bytes_are_nothing_is_raised(text: bytes, length: int | None) -> None:
    assert isinstance(read_answer(text, length), Failure)


def test_a_bomb_of_depth_is_a_failure() -> None:
    assert isinstance(read_answer(b'{"outputs":' + b"[" * 100_000, None), Failure)
