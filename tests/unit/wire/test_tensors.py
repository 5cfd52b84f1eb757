"""Tensors survive the wire exactly; anything that does not fit its shape is a failure, never an exception."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import DTYPES
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure
from pointsman.pb.v1.inference_pb2 import Tensor
from pointsman.wire.tensors import array_from_pb, tensor_to_pb

FIXED = sorted(name for name in DTYPES if name != "BYTES")
shapes = st.lists(st.integers(0, 4), min_size=0, max_size=4).map(tuple)


def to_pb(array: Any) -> Tensor:
    tensor = tensor_to_pb("x", array)
    assert isinstance(tensor, Tensor)
    return tensor


def to_array(tensor: Tensor) -> Any:
    array = array_from_pb(Tensor.FromString(tensor.SerializeToString()))
    assert isinstance(array, np.ndarray)
    return array


def failure_of(tensor: Tensor) -> Failure:
    failure = array_from_pb(tensor)
    assert isinstance(failure, Failure)
    return failure


@given(st.sampled_from(FIXED), shapes, st.data())
def test_a_fixed_size_tensor_round_trips_bit_by_bit(datatype: str, shape: Any, data: st.DataObject) -> None:
    dtype = DTYPES[datatype]
    size = int(np.prod(shape, dtype=int)) * dtype.itemsize
    raw = data.draw(st.binary(min_size=size, max_size=size))
    if datatype == "BOOL":
        raw = bytes(byte & 1 for byte in raw)
    array = np.frombuffer(raw, dtype).reshape(shape)
    tensor = to_pb(array)
    assert (tensor.datatype, tuple(tensor.shape), tensor.raw) == (datatype, shape, raw)
    back = to_array(tensor)
    assert (back.dtype, back.shape, back.tobytes()) == (dtype, shape, raw)


@given(st.lists(st.binary(max_size=8), max_size=6))
def test_bytes_keep_every_byte_and_trailing_zeros(elements: list[bytes]) -> None:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    assert to_array(to_pb(array)).tolist() == elements


@given(st.binary(max_size=40), st.sampled_from(sorted(DTYPES)), st.lists(st.integers(-2, 5), max_size=3))
def test_any_bytes_under_any_shape_are_an_array_or_a_failure(raw: bytes, datatype: str, shape: Any) -> None:
    result = array_from_pb(Tensor(name="x", datatype=datatype, shape=shape, raw=raw))
    if isinstance(result, Failure):
        assert (result.code, result.field) == (INVALID_ARGUMENT, "x")
    else:
        assert result.shape == tuple(shape)


def test_strings_travel_as_utf8() -> None:
    assert to_array(to_pb(np.array([["grün"], ["x"]]))).tolist() == [["grün".encode()], [b"x"]]


def test_big_endian_and_strided_arrays_are_normalised() -> None:
    array = np.arange(12, dtype=">i4").reshape(3, 4)[:, ::2].T
    np.testing.assert_array_equal(to_array(to_pb(array)), array)


def test_the_array_is_a_read_only_view() -> None:
    array = to_array(to_pb(np.ones((2, 2), np.float32)))
    assert not array.flags.writeable
    assert array.base is not None


@pytest.mark.parametrize("array", [np.zeros(2, np.complex64), np.array([{}, None], dtype=object)])
def test_an_array_without_counterpart_is_refused(array: Any) -> None:
    failure = tensor_to_pb("x", array)
    assert isinstance(failure, Failure)
    assert failure.code == INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("datatype", "shape", "raw"),
    [
        ("FP32", [1], b"\0" * 3),
        ("FP32", [1], b"\0" * 5),
        ("FP32", [-1, -4], b"\0" * 16),
        ("FP32", [2**62, 2**62], b""),
        ("FP32", [0, 2**62], b""),
        ("BYTES", [2**62, 0, 2**62], b""),
        ("BF16", [1], b"\0\0"),
        ("", [0], b""),
        ("BOOL", [1], b"\2"),
        ("BYTES", [1], b"\1\0\0"),
        ("BYTES", [1], b"\2\0\0\0a"),
        ("BYTES", [1], b"\xff\xff\xff\xff"),
        ("BYTES", [2], b"\0\0\0\0"),
        ("UINT8", [1] * 33, b"\0"),
    ],
)
def test_a_tensor_that_does_not_fit_its_shape_is_refused(datatype: str, shape: list[int], raw: bytes) -> None:
    assert failure_of(Tensor(name="x", datatype=datatype, shape=shape, raw=raw)).code == INVALID_ARGUMENT


def test_a_reference_must_be_fetched_first() -> None:
    tensor = Tensor(name="x", datatype="FP32", shape=[1], reference="blob-1")
    assert failure_of(tensor).code == FAILED_PRECONDITION
