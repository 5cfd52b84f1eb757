"""A ModelInferRequest of the Open Inference Protocol to tensors and parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from pointsman.core.tensor import DTYPES, Array
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_parameter import text_of
from pointsman.wire.shape import invalid, shape_of, shown
from pointsman.wire.tensors import array_from_pb, tensor_to_pb

# Where the elements of a datatype are in InferTensorContents. FP16 has no place: it travels raw.
CONTENTS: Final[Mapping[str, str]] = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
# What would change the meaning of a request and is not offered: refused rather than overlooked.
_NOT_OFFERED: Final = ("shared_memory_region", "classification")


class Parameters(NamedTuple):
    """A request's parameters: its `timeout` in milliseconds, 0 where it has none, and the others as text."""

    timeout_ms: int
    texts: dict[str, str]


def tensors_of(request: oip.ModelInferRequest) -> list[pb.Tensor] | Failure:
    """Return the inputs, each checked: its size is that of shape and datatype, its elements fit.

    The elements are in raw_input_contents for all inputs, or in `contents` for all. No name comes twice.
    """
    if not request.inputs:
        return Failure(INVALID_ARGUMENT, "the request holds no inputs", "inputs")
    doubled = _doubled([tensor.name for tensor in request.inputs])
    if doubled is not None:
        return invalid(doubled, "the input comes twice")
    raws = _raws(request)
    if isinstance(raws, Failure):
        return raws
    tensors = []
    for tensor, raw in zip(request.inputs, raws, strict=True):
        read = _tensor(tensor, raw)
        if isinstance(read, Failure):
            return read
        tensors.append(read)
    return tensors


def parameters_of(request: oip.ModelInferRequest) -> Parameters | Failure:
    """Return the request's parameters; `timeout` is in microseconds there, and is rounded up."""
    texts = {}
    timeout_us = 0
    for name, parameter in request.parameters.items():
        kind = parameter.WhichOneof("parameter_choice")
        if kind is None:
            return invalid(name, "the parameter holds no value")
        value = getattr(parameter, kind)
        if name != "timeout":
            texts[name] = text_of(value)
        elif kind not in ("int64_param", "uint64_param") or value < 0:
            return invalid(name, "the parameter is a whole number of microseconds, not negative")
        else:
            timeout_us = value
    return Parameters(-(-timeout_us // 1000), texts)


def outputs_failure(request: oip.ModelInferRequest) -> Failure | None:
    """Return why the requested outputs cannot be given by anybody, if so."""
    doubled = _doubled([output.name for output in request.outputs])
    if doubled is not None:
        return invalid(doubled, "the output is requested twice")
    for output in request.outputs:
        failure = _unoffered(output.name, output.parameters)
        if failure is not None:
            return failure
    return None


def _raws(request: oip.ModelInferRequest) -> Sequence[bytes | None] | Failure:
    raws = request.raw_input_contents
    if not raws:
        return [None] * len(request.inputs)
    if len(raws) != len(request.inputs):
        message = f"raw_input_contents has {len(raws)} entries for {len(request.inputs)} inputs"
        return Failure(INVALID_ARGUMENT, message, "raw_input_contents")
    for tensor in request.inputs:
        if tensor.HasField("contents") and tensor.contents.ListFields():
            return invalid(tensor.name, "contents and raw_input_contents cannot both be given")
    return list(raws)


def _tensor(tensor: oip.ModelInferRequest.InferInputTensor, raw: bytes | None) -> pb.Tensor | Failure:
    failure = _unoffered(tensor.name, tensor.parameters)
    shape = shape_of(tensor.shape, tensor.name)
    if failure is not None:
        return failure
    if isinstance(shape, Failure):
        return shape
    if tensor.datatype not in DTYPES:
        return invalid(tensor.name, f"unknown datatype {shown(tensor.datatype)}")
    read = (
        _from_contents(tensor, shape)
        if raw is None
        else pb.Tensor(name=tensor.name, datatype=tensor.datatype, shape=shape, raw=raw)
    )
    if isinstance(read, Failure):
        return read
    checked = array_from_pb(read)
    return invalid(tensor.name, checked.message) if isinstance(checked, Failure) else read


def _from_contents(
    tensor: oip.ModelInferRequest.InferInputTensor, shape: tuple[int, ...]
) -> pb.Tensor | Failure:
    own = CONTENTS.get(tensor.datatype)
    if own is None:
        return invalid(tensor.name, f"{tensor.datatype} has no typed contents; use raw_input_contents")
    foreign = [field.name for field, _ in tensor.contents.ListFields() if field.name != own]
    if foreign:
        return invalid(tensor.name, f"the elements of {tensor.datatype} are in {own}, not in {foreign[0]}")
    values = getattr(tensor.contents, own)
    if len(values) != math.prod(shape):
        message = f"shape {list(shape)} needs {math.prod(shape)} elements, {own} has {len(values)}"
        return invalid(tensor.name, message)
    array = array_of(values, tensor.datatype)
    if array is None:
        return invalid(tensor.name, f"an element does not fit {tensor.datatype}")
    read = tensor_to_pb(tensor.name, array)
    if isinstance(read, Failure):
        return read
    del read.shape[:]
    read.shape.extend(shape)
    return read


def array_of(values: Sequence[Any], datatype: str) -> Array | None:
    """Return the elements of a typed list in one dimension; None where one does not fit the datatype."""
    dtype = DTYPES[datatype]
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        if len(values) and not bounds.min <= min(values) <= max(values) <= bounds.max:
            return None
    array: Array = np.empty(len(values), dtype)
    array[:] = list(values)
    return array


def _unoffered(name: str, parameters: Mapping[str, oip.InferParameter]) -> Failure | None:
    for parameter in _NOT_OFFERED:
        if parameter in parameters:
            return invalid(name, f"the parameter {parameter} is not offered here; leave it out")
    return None


def _doubled(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]
