"""Columns: the values of one input, a list with one for each row; and bodies that are made of them."""

from __future__ import annotations

from typing import Any, Final

from pointsman.core.tensor import Array, Item, Signature, TensorSpec
from pointsman.wire.elements import MAX_DIMENSIONS, Fault, is_sane, unnested
from pointsman.wire.json_sparse import DenseRoom, dense_rows, is_sparse
from pointsman.wire.json_values import array_of, is_element, shape_of

DEFAULT_INPUT: Final = "input"


def item_of_columns(columns: Any, signature: Signature | None) -> Item:
    """Return the tensors of `columns`: a list where the model has one input, or a list per input's name."""
    room = DenseRoom()
    if not isinstance(columns, dict) or is_value(columns, signature):
        name = only_input(signature, "columns", "an object")
        return {name: column_of(columns, spec_of(signature, name), "columns", room)}
    if not columns:
        raise Fault("columns", "must name an input at least")
    return {
        name: column_of(values, spec_of(signature, name), f"columns.{name}", room)
        for name, values in columns.items()
    }


def is_value(part: dict[str, Any], signature: Signature | None) -> bool:
    """Whether an object is a value itself, not one that names inputs; names of the signature come first."""
    if not is_element(part) and not is_sparse(part):
        return False
    return signature is None or part.keys() != {spec.name for spec in signature.inputs}


def only_input(signature: Signature | None, field: str, wanted: str) -> str:
    """Return the name of the only input, for values that name none; `wanted` is what several inputs need."""
    if signature is None:
        return DEFAULT_INPUT
    if len(signature.inputs) > 1:
        raise Fault(field, f"must be {wanted} with {', '.join(spec.name for spec in signature.inputs)}")
    return signature.inputs[0].name


def spec_of(signature: Signature | None, name: str) -> TensorSpec | None:
    """Return what the signature says of an input, None where it says nothing."""
    if signature is None:
        return None
    return next((spec for spec in signature.inputs if spec.name == name), None)


def column_of(values: Any, spec: TensorSpec | None, field: str, room: DenseRoom) -> Array:
    """Return an input's array, of the signature's datatype or else of the one its elements suggest."""
    if not isinstance(values, list) or not values:
        raise Fault(field, "must be a list with a value for each row, not empty")
    datatype = spec.datatype if spec else None
    if dict in set(map(type, values)) and any(map(is_sparse, values)):
        array = dense_rows(values, datatype, field, room)
    else:
        shape = shape_of(values)
        if not is_sane(shape):
            raise Fault(field, f"more than {MAX_DIMENSIONS} dimensions")
        array = array_of(unnested(values, shape, field), datatype, field).reshape(shape)
    if spec and len(spec.shape) == array.ndim + 1 and spec.shape[-1] in (1, -1):
        return array.reshape(*array.shape, 1)  # a bare scalar per row, where the signature has a column
    return array
