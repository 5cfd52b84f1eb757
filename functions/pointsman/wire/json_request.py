"""JSON bodies to items: Open Inference Protocol, instances, flat records.

Integers are exact: one that does not fit its integer datatype is refused, never wrapped or rounded.
Floating-point datatypes round to the nearest and refuse what they would turn into an infinity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from pointsman.core.tensor import DTYPES, Array, Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.wire.head import is_said

_MAX_DIMENSIONS: Final = 32
_MAX_ELEMENTS: Final = 2**48

OIP, INSTANCES, FLAT = "oip", "instances", "flat"


class JsonTensor(msgspec.Struct):
    """One input of an Open Inference Protocol body; `data` is flat or nested, row-major."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: Any


class JsonBody(msgspec.Struct):
    """The parts of a body that hold tensors."""

    inputs: list[JsonTensor] | None = None
    instances: list[Any] | None = None


class Fault(Exception):
    """The body is refused; `failure` says why. Raised and caught in this room alone."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(INVALID_ARGUMENT, f"{field}: {message}" if field else message, field)


_body = msgspec.json.Decoder(JsonBody)
_flat = msgspec.json.Decoder(dict[str, Any])


def item_from_json(
    value: bytes, signature: Signature | None, features: Sequence[str]
) -> tuple[str, Item] | Failure:
    """Return the body's form and its tensors, or why it has none."""
    try:
        body = _body.decode(value)
        if body.inputs is not None:
            return OIP, {tensor.name: _tensor(tensor) for tensor in body.inputs}
        if body.instances is not None:
            return INSTANCES, _instances(body.instances, signature)
        return FLAT, _record(_flat.decode(value), signature, features)
    except Fault as fault:
        return fault.failure
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        return Failure(INVALID_ARGUMENT, f"the body is malformed: {str(error)[:200]}")


def _tensor(tensor: JsonTensor) -> Array:
    field = f"inputs.{tensor.name}"
    dtype = DTYPES.get(tensor.datatype)
    if dtype is None:
        raise Fault(f"{field}.datatype", f"unknown datatype {tensor.datatype!r}")
    if not tensor.shape or not _is_sane(tensor.shape):
        raise Fault(
            f"{field}.shape", "1 to 32 dimensions, none negative or astronomical; the first is the batch"
        )
    flat = _elements(tensor.data, tensor.shape, f"{field}.data")
    return _array(flat, dtype, f"{field}.data").reshape(tensor.shape)


def _is_sane(shape: Sequence[int]) -> bool:
    """Whether numpy can make such an array, were it empty."""
    return (
        len(shape) <= _MAX_DIMENSIONS and min(shape) >= 0 and math.prod(filter(None, shape)) <= _MAX_ELEMENTS
    )


def _elements(data: Any, shape: Sequence[int], field: str) -> list[Any]:
    """Return the elements of flat data, or of data nested exactly as the shape."""
    elements: list[Any] = data if isinstance(data, list) else [data]
    if any(isinstance(part, list) for part in elements):
        return _unnested(elements, shape, field)
    count = math.prod(shape)
    if len(elements) != count:
        raise Fault(field, f"shape {list(shape)} needs {count} elements, there are {len(elements)}")
    return elements


def _unnested(data: list[Any], shape: Sequence[int], field: str) -> list[Any]:
    level: list[Any] = [data]
    for size in shape:
        if any(not isinstance(row, list) or len(row) != size for row in level):
            raise Fault(field, f"rows must be nested as the shape {list(shape)}, all of one length")
        level = [leaf for row in level for leaf in row]
    return level


def _array(flat: list[Any], dtype: np.dtype[Any], field: str) -> Array:
    kinds = set(map(type, flat))
    if dtype.kind == "O":
        return _texts(flat, kinds, field)
    if dtype.kind == "b":
        if kinds - {bool}:
            raise Fault(field, "a BOOL is true or false")
        return np.array(flat, dtype)
    if kinds - {int, float} or (dtype.kind in "iu" and float in kinds):
        wanted = "whole numbers" if dtype.kind in "iu" else "numbers"
        raise Fault(field, f"elements must be {wanted}")
    if (
        dtype.kind in "iu"
        and flat
        and not np.iinfo(dtype).min <= min(flat) <= max(flat) <= np.iinfo(dtype).max
    ):
        raise Fault(field, "an element does not fit the datatype")
    try:
        with np.errstate(over="raise"):
            return np.array(flat, dtype)
    except (OverflowError, FloatingPointError):
        raise Fault(field, "an element does not fit the datatype") from None


def _texts(flat: list[Any], kinds: set[type], field: str) -> Array:
    if kinds - {str}:
        raise Fault(field, "elements of BYTES must be strings")
    array = np.empty(len(flat), dtype=object)
    array[:] = [text.encode() for text in flat]
    return array


def _instances(instances: list[Any], signature: Signature | None) -> Item:
    if not instances:
        raise Fault("instances", "must not be empty")
    named = isinstance(instances[0], dict)
    if any(isinstance(instance, dict) != named for instance in instances):
        raise Fault("instances", "either all are objects or none is")
    if not named:
        name = signature.inputs[0].name if signature else "input"
        if signature and len(signature.inputs) > 1:
            raise Fault(
                "instances", f"must be objects with {', '.join(spec.name for spec in signature.inputs)}"
            )
        return {name: _column(instances, _spec(signature, name), "instances")}
    names = list(instances[0])
    if any(set(instance) != set(names) for instance in instances):
        raise Fault("instances", "all objects must have the same names")
    return {
        name: _column([instance[name] for instance in instances], _spec(signature, name), f"instances.{name}")
        for name in names
    }


def _spec(signature: Signature | None, name: str) -> TensorSpec | None:
    if signature is None:
        return None
    return next((spec for spec in signature.inputs if spec.name == name), None)


def _column(values: list[Any], spec: TensorSpec | None, field: str) -> Array:
    shape = _shape(values)
    if not _is_sane(shape):
        raise Fault(field, f"more than {_MAX_DIMENSIONS} dimensions")
    flat = _unnested(values, shape, field)
    dtype = DTYPES[spec.datatype] if spec else _guessed(flat)
    array = _array(flat, dtype, field).reshape(shape)
    if spec and len(spec.shape) == array.ndim + 1 and spec.shape[-1] in (1, -1):
        return array.reshape(*shape, 1)  # a bare scalar per row, where the signature has a column
    return array


def _shape(data: Any) -> tuple[int, ...]:
    shape = []
    while isinstance(data, list):
        shape.append(len(data))
        data = data[0] if data else None
    return tuple(shape)


def _guessed(flat: list[Any]) -> np.dtype[Any]:
    kinds = set(map(type, flat))
    if kinds == {str}:
        return DTYPES["BYTES"]
    if kinds == {bool}:
        return DTYPES["BOOL"]
    return DTYPES["INT64"] if kinds == {int} else DTYPES["FP32"]


def _record(record: dict[str, Any], signature: Signature | None, features: Sequence[str]) -> Item:
    if not features:
        raise Fault("", "the body has neither inputs nor instances, and the route names no features")
    missing = [name for name in features if name not in record]
    if missing:
        raise Fault(missing[0], f"the record lacks {', '.join(missing)}")
    inputs = {spec.name: spec for spec in signature.inputs} if signature else {}
    if len(inputs) > 1:
        return {name: _column([record[name]], inputs.get(name), name) for name in features}
    spec = next(iter(inputs.values()), TensorSpec("input", "FP32", (-1, len(features))))
    row = [record[name] for name in features]
    for name, value in zip(features, row, strict=True):
        _array([value], DTYPES[spec.datatype], name)
    return {spec.name: _array(row, DTYPES[spec.datatype], "features").reshape(1, len(row))}


def context_from_json(value: bytes) -> bytes:
    """Return the raw `context` of a body, empty where it has none or is malformed."""
    try:
        return bytes(_context.decode(value).context)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return b""


def form_of(value: bytes) -> str:
    """Return the form of a well-formed body: OIP, INSTANCES or FLAT."""
    body = _form.decode(value)
    if is_said(body.inputs):
        return OIP
    return INSTANCES if is_said(body.instances) else FLAT


class _Form(msgspec.Struct):
    inputs: msgspec.Raw = msgspec.Raw()
    instances: msgspec.Raw = msgspec.Raw()


_form = msgspec.json.Decoder(_Form)


class _Context(msgspec.Struct):
    context: msgspec.Raw = msgspec.Raw()


_context = msgspec.json.Decoder(_Context)
