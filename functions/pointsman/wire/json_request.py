"""JSON bodies to items: Open Inference Protocol, instances (rows), columns, flat records.

What elements may be is said in `elements` and `json_values`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pointsman.core.tensor import Array, Item, Signature, TensorSpec
from pointsman.errors import Failure
from pointsman.wire.elements import Fault, check_frame, check_names, flattened, quoted
from pointsman.wire.head import holds_columns, is_said
from pointsman.wire.json_columns import DEFAULT_INPUT, column_of, item_of_columns
from pointsman.wire.json_rows import item_of_rows
from pointsman.wire.json_sparse import DenseRoom
from pointsman.wire.json_values import array_of
from pointsman.wire.malformed import UNREADABLE, malformed

OIP: Final = "oip"
INSTANCES: Final = "instances"
COLUMNS: Final = "columns"
FLAT: Final = "flat"


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
    columns: Any = None


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
            return INSTANCES, item_of_rows(body.instances, signature)
        if isinstance(body.columns, list | dict):
            return COLUMNS, item_of_columns(body.columns, signature)
        return FLAT, _record(_flat.decode(value), signature, features)
    except Fault as fault:
        return fault.failure
    except UNREADABLE as error:
        return malformed(error, value)


def _tensor(tensor: JsonTensor) -> Array:
    field = f"inputs.{quoted(tensor.name)}"
    check_frame(tensor.datatype, tensor.shape, field)
    flat = flattened(tensor.data, tensor.shape, f"{field}.data")
    return array_of(flat, tensor.datatype, f"{field}.data").reshape(tensor.shape)


def _record(record: dict[str, Any], signature: Signature | None, features: Sequence[str]) -> Item:
    if not features:
        raise Fault("", "the body has no inputs, instances or columns, and the route names no features")
    missing = [name for name in features if name not in record]
    if missing:
        raise Fault(missing[0], f"the record lacks {', '.join(missing)}")
    inputs = {spec.name: spec for spec in signature.inputs} if signature else {}
    if len(inputs) > 1:
        room = DenseRoom()
        return {name: column_of([record[name]], inputs.get(name), name, room) for name in features}
    spec = next(iter(inputs.values()), TensorSpec(DEFAULT_INPUT, "FP32", (-1, len(features))))
    row = [record[name] for name in features]
    for name, value in zip(features, row, strict=True):
        array_of([value], spec.datatype, name)
    return {spec.name: array_of(row, spec.datatype, "features").reshape(1, len(row))}


def context_from_json(value: bytes) -> bytes:
    """Return the raw `context` of a body, empty where it has none or is malformed."""
    try:
        return bytes(_context.decode(value).context)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return b""


def form_of(value: bytes) -> str:
    """Return the form of a well-formed body: OIP, INSTANCES, COLUMNS or FLAT."""
    body = _form.decode(value)
    if is_said(body.inputs):
        return OIP
    if is_said(body.instances):
        return INSTANCES
    return COLUMNS if holds_columns(body.columns) else FLAT


class _Form(msgspec.Struct):
    inputs: msgspec.Raw = msgspec.Raw()
    instances: msgspec.Raw = msgspec.Raw()
    columns: msgspec.Raw = msgspec.Raw()


_form = msgspec.json.Decoder(_Form)


class _Context(msgspec.Struct):
    context: msgspec.Raw = msgspec.Raw()


_context = msgspec.json.Decoder(_Context)
