"""Answers of the Open Inference Protocol over REST, in JSON or with binary tensors behind it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from pointsman.errors import FAILED_PRECONDITION, INTERNAL, INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.elements import quoted, unpacked
from pointsman.wire.oip_request import OipRequest, RequestedOutput


class OipBody(NamedTuple):
    """A body. `json_length`, where tensors follow it, is for the header Inference-Header-Content-Length."""

    body: bytes
    json_length: int | None


class _Decision(msgspec.Struct, omit_defaults=True):
    arm: str
    epoch: int
    decision_id: str
    attempt: int = 0


class _Size(msgspec.Struct):
    binary_data_size: int


class _Output(msgspec.Struct, omit_defaults=True):
    name: str
    datatype: str
    shape: list[int]
    data: Sequence[Any] | None = None
    parameters: _Size | None = None


class _Answer(msgspec.Struct, omit_defaults=True):
    model_name: str
    model_version: str = ""
    id: str = ""
    parameters: _Decision | None = None
    outputs: Any = None


_encoder = msgspec.json.Encoder()


def write_response(response: pb.InferenceResponse, request: OipRequest) -> OipBody | Failure:
    """Return the body of an answer that has outputs: those that were asked for, as they were asked for.

    NaN and infinities have no JSON form and become null; BYTES are read as UTF-8. The id is the request's;
    the answer's is not the caller's business.
    """
    tensors: Iterable[pb.Tensor] = response.outputs.tensors
    if request.outputs is None:
        wanted = [(tensor, request.binary_default) for tensor in tensors]
    else:
        named = {tensor.name: tensor for tensor in tensors}
        unknown = next((output for output in request.outputs if output.name not in named), None)
        if unknown is not None:
            return _no_output(unknown, named)
        wanted = [(named[output.name], output.binary) for output in request.outputs]
    tail: list[bytes] = []
    outputs = [_output(tensor, binary, tail) for tensor, binary in wanted]
    for output in outputs:
        if isinstance(output, Failure):
            return output
    text = _encoder.encode(_answer(response, request, outputs))
    has_binary = any(binary for _, binary in wanted)
    return OipBody(b"".join((text, *tail)), len(text)) if has_binary else OipBody(text, None)


def _answer(response: pb.InferenceResponse, request: OipRequest, outputs: Sequence[Any]) -> _Answer:
    version = response.version
    if not version:
        return _Answer(response.model, "", request.id, None, outputs)
    decision = _Decision(response.arm, response.epoch, response.decision_id, response.attempt)
    return _Answer(response.model, version, request.id, decision, outputs)


def _output(tensor: pb.Tensor, binary: bool, tail: list[bytes]) -> _Output | Failure:
    """Return the output; its bytes are appended to the tail if it is binary."""
    name, datatype, shape, raw = tensor.name, tensor.datatype, tensor.shape[:], tensor.raw
    if tensor.reference and not raw:
        return Failure(FAILED_PRECONDITION, "the tensor is a reference that was not fetched", name)
    if binary:
        tail.append(raw)
        return _Output(name, datatype, shape, None, _Size(len(raw)))
    data = unpacked(raw, datatype, math.prod(shape))
    if data is None:
        return Failure(INTERNAL, f"output {name!r} is no {datatype} of shape {shape}", name)
    return _Output(name, datatype, shape, data)


def _no_output(unknown: RequestedOutput, named: Iterable[str]) -> Failure:
    name = quoted(unknown.name)
    message = f"the model has no output {name!r}; it has {', '.join(named)}"
    return Failure(INVALID_ARGUMENT, message, f"outputs.{name}")
