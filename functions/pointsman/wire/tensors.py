"""Tensors between numpy and protobuf: the Open Inference Protocol's raw form, exact and strict."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from pointsman.core.tensor import DATATYPES, DTYPES, Array
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import inference_pb2 as pb

_LENGTH: Final = struct.Struct("<I")
_MAX_DIMENSIONS: Final = 32  # numpy 1's limit; numpy 2 allows 64
_MAX_EMPTY: Final = 2**48  # numpy refuses even an empty array whose other dimensions overflow


def tensor_to_pb(name: str, array: Array) -> pb.Tensor | Failure:
    """Return the tensor with the array's elements in row-major order.

    Strings become BYTES elements in UTF-8. A dtype that the protocol lacks is a failure.
    """
    if array.dtype.kind in "OSU":
        return _bytes_to_pb(name, array)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    datatype = DATATYPES.get(array.dtype)
    if datatype is None:
        return _invalid(name, f"dtype {array.dtype} has no counterpart in the Open Inference Protocol")
    return pb.Tensor(name=name, datatype=datatype, shape=array.shape, raw=array.tobytes())


def array_from_pb(tensor: pb.Tensor) -> Array | Failure:
    """Return the array; of a fixed-size datatype a read-only view of the bytes, without a copy.

    The size of `raw` must be exactly what shape and datatype ask for. BYTES come as an object array of
    `bytes`. A tensor that travels by reference must have been fetched before.
    """
    dtype = DTYPES.get(tensor.datatype)
    shape = tuple(tensor.shape)
    count = math.prod(shape)
    if dtype is None:
        return _invalid(tensor.name, f"unknown datatype {tensor.datatype!r}")
    if shape and not _is_sane(shape, count):
        return _invalid(tensor.name, "a shape has at most 32 dimensions, not negative and not astronomical")
    raw = tensor.raw
    if not raw and tensor.reference:
        return Failure(FAILED_PRECONDITION, "the tensor is a reference that was not fetched", tensor.name)
    if dtype.hasobject:
        return _bytes_from_raw(tensor.name, raw, shape, count)
    return _fixed_from_raw(tensor.name, raw, shape, count * dtype.itemsize, dtype)


def _fixed_from_raw(
    name: str, raw: bytes, shape: tuple[int, ...], needed: int, dtype: np.dtype[Any]
) -> Array | Failure:
    if len(raw) != needed:
        return _invalid(name, f"shape {list(shape)} of {dtype} needs {needed} bytes, there are {len(raw)}")
    if dtype.kind == "b" and raw.translate(None, b"\0\1"):
        return _invalid(name, "a BOOL is the byte 0 or 1")
    return np.frombuffer(raw, dtype).reshape(shape)


def _is_sane(shape: tuple[int, ...], count: int) -> bool:
    if len(shape) > _MAX_DIMENSIONS or min(shape) < 0:
        return False
    return count > 0 or math.prod(size for size in shape if size) <= _MAX_EMPTY


def _bytes_to_pb(name: str, array: Array) -> pb.Tensor | Failure:
    elements = [
        element.encode() if isinstance(element, str) else element for element in array.ravel().tolist()
    ]
    if not all(isinstance(element, bytes) for element in elements):
        return _invalid(name, "elements of an object array must be bytes or str")
    return pb.Tensor(name=name, datatype="BYTES", shape=array.shape, raw=join_bytes(elements))


def join_bytes(elements: Iterable[bytes]) -> bytes:
    """Return the raw form of BYTES elements: each a 32-bit length and its bytes."""
    return b"".join(part for element in elements for part in (_LENGTH.pack(len(element)), element))


def _bytes_from_raw(name: str, raw: bytes, shape: tuple[int, ...], count: int) -> Array | Failure:
    elements = split_bytes(raw)
    if elements is None:
        return _invalid(name, "BYTES elements are a 32-bit length and that many bytes; these are cut short")
    if len(elements) != count:
        return _invalid(name, f"shape {list(shape)} needs {count} elements, the tensor has {len(elements)}")
    # Filled element by element: numpy would turn a list of bytes into fixed-width strings and drop
    # their trailing zeros.
    array: np.ndarray[Any, np.dtype[Any]] = np.empty(count, dtype=object)
    array[:] = elements
    return array.reshape(shape)


def split_bytes(raw: bytes) -> list[bytes] | None:
    """Return the elements of a raw form of BYTES, None where it is cut short."""
    elements: list[bytes] = []
    at, end = 0, len(raw)
    while at < end:
        if at + _LENGTH.size > end:
            return None
        start = at + _LENGTH.size
        at = start + int(_LENGTH.unpack_from(raw, at)[0])
        if at > end:
            return None
        elements.append(raw[start:at])
    return elements


def _invalid(name: str, message: str) -> Failure:
    return Failure(INVALID_ARGUMENT, message, name)
