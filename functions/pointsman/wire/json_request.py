"""JSON bodies to items: Open Inference Protocol, instances, flat records.

What elements may be is said in `elements`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from pointsman.core.tensor import DTYPES, Array, Item, Signature, TensorSpec
from pointsman.errors import Failure
from pointsman.wire.elements import (
    MAX_DIMENSIONS,
    Fault,
    check_frame,
    check_names,
    flattened,
    is_sane,
    packed,
    quoted,
    texts,
    unnested,
)
from pointsman.wire.head import is_said
from pointsman.wire.malformed import UNREADABLE, malformed

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


_body = msgspec.json.Decoder(JsonBody)
_flat = msgspec.json.Decoder(dict[str, Any])


def item_from_json(
    value: bytes, signature: Signature | None, features: Sequence[str]
) -> tuple[str, Item] | Failure:
    """Return the body's form and its tensors, or why it has none."""
    try:
        body = _body.decode(value)
        if body.inputs is not None:
            check_names("inputs", [tensor.name for tensor in body.inputs])
            return OIP, {tensor.name: _tensor(tensor) for tensor in body.inputs}
        if body.instances is not None:
            return INSTANCES, _instances(body.instances, signature)
        return FLAT, _record(_flat.decode(value), signature, features)
    except Fault as fault:
        return fault.failure
    except UNREADABLE as error:
        return malformed(error, value)


def _tensor(tensor: JsonTensor) -> Array:
    field = f"inputs.{quoted(tensor.name)}"
    check_frame(tensor.datatype, tensor.shape, field)
    flat = flattened(tensor.data, tensor.shape, f"{field}.data")
    return _array(flat, tensor.datatype, f"{field}.data").reshape(tensor.shape)


def _array(flat: list[Any], datatype: str, field: str) -> Array:
    if datatype != "BYTES":
        return np.frombuffer(bytearray(packed(flat, datatype, field)), DTYPES[datatype])
    array = np.empty(len(flat), dtype=object)
    array[:] = texts(flat, field)
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
    if not is_sane(shape):
        raise Fault(field, f"more than {MAX_DIMENSIONS} dimensions")
    flat = unnested(values, shape, field)
    array = _array(flat, spec.datatype if spec else _guessed(flat), field).reshape(shape)
    if spec and len(spec.shape) == array.ndim + 1 and spec.shape[-1] in (1, -1):
        return array.reshape(*shape, 1)  # a bare scalar per row, where the signature has a column
    return array


def _shape(data: Any) -> tuple[int, ...]:
    shape = []
    while isinstance(data, list):
        shape.append(len(data))
        data = data[0] if data else None
    return tuple(shape)


def _guessed(flat: list[Any]) -> str:
    kinds = set(map(type, flat))
    if kinds == {str}:
        return "BYTES"
    if kinds == {bool}:
        return "BOOL"
    return "INT64" if kinds == {int} else "FP32"


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
        _array([value], spec.datatype, name)
    return {spec.name: _array(row, spec.datatype, "features").reshape(1, len(row))}


def context_from_json(value: bytes) -> bytes:
    """Return the raw `context` of a body, empty where it has none or is malformed."""
    try:
        return bytes(_context.decode(value).context)
    except UNREADABLE:
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
