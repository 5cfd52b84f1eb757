"""Inference answers of the Open Inference Protocol over REST, as a client reads them."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from pointsman.core.tensor import DTYPES, Array
from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.elements import Fault, check_frame, check_names, flattened, packed, quoted
from pointsman.wire.malformed import UNREADABLE, malformed
from pointsman.wire.oip_binary import Tail, tail_of
from pointsman.wire.tensors import array_from_pb


class OipAnswer(msgspec.Struct, frozen=True):
    """Who answered, and the outputs. BYTES are object arrays of `bytes`; arrays may be read-only."""

    model: str
    version: str
    id: str
    outputs: dict[str, Array]


class _Output(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] | None = None
    data: Any = msgspec.UNSET


class _Body(msgspec.Struct):
    outputs: list[_Output]
    model_name: str = ""
    model_version: str | None = None
    id: str | None = None


_decoder = msgspec.json.Decoder(_Body)


def read_answer(body: bytes, json_length: int | None) -> OipAnswer | Failure:
    """Return the answer, or why it cannot be read; whatever the body is, nothing is raised.

    `json_length` is the header Inference-Header-Content-Length, None where it is absent: then all of the
    body is JSON, whose null among floating-point numbers is NaN.
    """
    text: bytes | memoryview = body
    try:
        tail = None
        if json_length is not None:
            text, tail = tail_of(body, json_length)
        said = _decoder.decode(text)
        outputs = {output.name: _array(output, tail) for output in said.outputs}
        if tail is not None:
            tail.end()
        check_names("outputs", [output.name for output in said.outputs])
    except Fault as fault:
        return fault.failure
    except UNREADABLE as error:
        return malformed(error, text)
    return OipAnswer(said.model_name, said.model_version or "", said.id or "", outputs)


def _array(output: _Output, tail: Tail | None) -> Array:
    field = f"outputs.{quoted(output.name)}"
    check_frame(output.datatype, output.shape, field)
    size = (output.parameters or {}).get("binary_data_size")
    if size is None:
        raw = _packed(output, field)
    elif tail is None:
        raise Fault(field, "is said to be binary, and there is nothing behind the JSON")
    else:
        raw = tail.take(size, output.datatype, output.shape, field)
    tensor = pb.Tensor(name=output.name, datatype=output.datatype, shape=output.shape, raw=raw)
    array = array_from_pb(tensor)
    if isinstance(array, Failure):
        raise Fault(field, array.message)
    return array


def _packed(output: _Output, field: str) -> bytes:
    if output.data is msgspec.UNSET:
        raise Fault(f"{field}.data", "is missing")
    flat = flattened(output.data, output.shape, f"{field}.data")
    if DTYPES[output.datatype].kind == "f":
        flat = [math.nan if element is None else element for element in flat]
    return packed(flat, output.datatype, f"{field}.data")
