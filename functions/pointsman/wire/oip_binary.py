"""Binary tensors of the Open Inference Protocol: little-endian, behind the JSON or without any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from pointsman.core.tensor import DTYPES, TensorSpec
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.elements import Fault
from pointsman.wire.tensors import join_bytes, split_bytes

HEADER: Final = "Inference-Header-Content-Length"


class Tail:
    """The bytes behind the JSON, taken tensor by tensor. Each method raises Fault."""

    def __init__(self, body: bytes, start: int) -> None:
        self._body = body
        self._at = start

    def take(self, size: Any, datatype: str, shape: Sequence[int], field: str) -> bytes:
        """Return the next `size` bytes, which must be the raw form of just such a tensor."""
        place = f"{field}.parameters.binary_data_size"
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise Fault(place, "is a whole number of bytes, not negative")
        left = len(self._body) - self._at
        if size > left:
            raise Fault(place, f"is more than the {left} bytes that are left behind the JSON")
        raw = self._body[self._at : self._at + size]
        self._at += size
        _check_raw(raw, datatype, shape, field)
        return raw

    def end(self) -> None:
        """Raise where bytes are left over."""
        left = len(self._body) - self._at
        if left:
            raise Fault("", f"{left} bytes are left over behind the last tensor")


def tail_of(body: bytes, json_length: int) -> tuple[memoryview, Tail]:
    """Return the JSON of a body and the bytes behind it; raises Fault."""
    if not 0 < json_length <= len(body):
        raise Fault(HEADER, f"is not from 1 to {len(body)}, the length of the body")
    return memoryview(body)[:json_length], Tail(body, json_length)


def _check_raw(raw: bytes, datatype: str, shape: Sequence[int], field: str) -> None:
    count = math.prod(shape)
    if datatype == "BYTES":
        _check_count(raw, count, shape, field)
        return
    needed = count * DTYPES[datatype].itemsize
    if len(raw) != needed:
        raise Fault(field, f"shape {list(shape)} of {datatype} needs {needed} bytes, there are {len(raw)}")
    if datatype == "BOOL" and raw.translate(None, b"\0\1"):
        raise Fault(field, "a BOOL is the byte 0 or 1")


def _check_count(raw: bytes, count: int, shape: Sequence[int], field: str) -> None:
    elements = split_bytes(raw)
    if elements is None:
        raise Fault(field, "BYTES elements are a 32-bit length and that many bytes; these are cut short")
    if len(elements) != count:
        raise Fault(field, f"shape {list(shape)} needs {count} elements, there are {len(elements)}")


def raw_tensor(body: bytes, spec: TensorSpec) -> pb.Tensor:
    """Return a body without JSON as the tensor `spec` describes; raises Fault.

    Of BYTES the body is one element. Of other datatypes its size says what the only variable dimension is;
    where another than the batch is variable the batch is 1.
    """
    if spec.datatype == "BYTES":
        shape = [1 if size == -1 else size for size in spec.shape]
        raw = join_bytes((body,))
    else:
        shape = _shape_of(len(body) // DTYPES[spec.datatype].itemsize, spec)
        raw = body
    _check_raw(raw, spec.datatype, shape, f"inputs.{spec.name}")
    return pb.Tensor(name=spec.name, datatype=spec.datatype, shape=shape, raw=raw)


def _shape_of(count: int, spec: TensorSpec) -> list[int]:
    shape = list(spec.shape)
    if shape.count(-1) > 1:
        shape[0] = 1
    if shape.count(-1) > 1:
        message = f"shape {list(spec.shape)} has several variable dimensions; send its sizes in JSON"
        raise Fault(f"inputs.{spec.name}.shape", message)
    if -1 in shape:
        others = math.prod(size for size in shape if size != -1)
        shape[shape.index(-1)] = count // others if others else 0
    return shape
