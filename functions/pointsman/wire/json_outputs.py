"""Arrays as JSON values: nested lists, bare where there is one output, by name where there are several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.core.tensor import Array, Item


def plain(array: Array) -> Any:
    """Return the array as nested lists; BYTES are read as UTF-8, what is none is replaced."""
    values = array.tolist()
    return _text(values) if array.dtype.kind in "OS" else values


def plain_columns(item: Item) -> dict[str, Any]:
    """Return the arrays of an item as nested lists, by name."""
    return {name: plain(array) for name, array in item.items()}


def rows_of(columns: Mapping[str, list[Any]]) -> list[Any]:
    """Return one value per row: bare where there is one output, an object by name where there are several.

    The columns must be of one length; ValueError otherwise.
    """
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def only_or_all(columns: Mapping[str, Any]) -> Any:
    """Return the value of the only column, or all of them by name."""
    return next(iter(columns.values())) if len(columns) == 1 else columns


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(part) for part in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value
