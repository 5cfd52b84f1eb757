"""Does an item fit a signature? An item that does not is refused alone."""

from __future__ import annotations

from typing import Final

from pointsman.core.tensor import DATATYPES, Array, Item, Signature, TensorSpec, rows
from pointsman.errors import INVALID_ARGUMENT, Failure

# Rows of no elements cost their sender nothing, and the model a forward pass for each `max_batch` of them.
MAX_EMPTY_ROWS: Final = 65_536


def check_item(signature: Signature | None, item: Item) -> Failure | None:
    """Return why the item cannot be served, or None.

    Without a signature only the batch dimension is checked: every tensor has one, of equal size, not 0.
    """
    if signature is not None:
        failure = _names(signature, item) or _tensors(signature, item)
        if failure is not None:
            return failure
    return _rows(item)


def _names(signature: Signature, item: Item) -> Failure | None:
    wanted = [spec.name for spec in signature.inputs]
    for name in wanted:
        if name not in item:
            return Failure(INVALID_ARGUMENT, f"input {name!r} is missing", name)
    if len(item) > len(wanted):
        extra = next(name for name in item if name not in wanted)
        return Failure(
            INVALID_ARGUMENT, f"the model has no input {extra!r}; it takes {', '.join(wanted)}", extra
        )
    return None


def _tensors(signature: Signature, item: Item) -> Failure | None:
    for spec in signature.inputs:
        array = item[spec.name]
        datatype = DATATYPES.get(array.dtype)
        if datatype != spec.datatype:
            return _mismatch(spec, f"is {datatype or array.dtype}, the model takes {spec.datatype}")
        if not _shape_fits(spec.shape, array):
            return _mismatch(spec, f"has shape {list(array.shape)}, the model takes {list(spec.shape)}")
    return None


def _shape_fits(wanted: tuple[int, ...], array: Array) -> bool:
    return len(wanted) == array.ndim and all(
        want in (-1, have) for want, have in zip(wanted[1:], array.shape[1:], strict=True)
    )


def _mismatch(spec: TensorSpec, what: str) -> Failure:
    return Failure(INVALID_ARGUMENT, f"input {spec.name!r} {what}", spec.name)


def _rows(item: Item) -> Failure | None:
    sizes = {array.shape[0] if array.ndim else None for array in item.values()}
    if not sizes or None in sizes:
        return Failure(INVALID_ARGUMENT, "every input needs a batch dimension", "inputs")
    if len(sizes) > 1:
        return Failure(INVALID_ARGUMENT, "inputs differ in the size of their batch dimension", "inputs")
    if sizes == {0}:
        return Failure(INVALID_ARGUMENT, "the request holds no row", "inputs")
    if rows(item) > MAX_EMPTY_ROWS and not any(array.size for array in item.values()):
        message = f"a request without elements has at most {MAX_EMPTY_ROWS} rows"
        return Failure(INVALID_ARGUMENT, message, "inputs")
    return None
