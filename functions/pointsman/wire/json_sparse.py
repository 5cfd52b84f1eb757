"""Sparse rows to dense ones: `{"shape": [3, 4], "data": [5.0], "indices": [[2, 1]]}` has the shape (3, 4).

`indices` has one place per element of `data`; every other element is 0.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from pointsman.core.tensor import Array
from pointsman.wire.elements import MAX_DIMENSIONS, Fault, is_sane
from pointsman.wire.json_values import array_of

_KEYS: Final = frozenset(("shape", "data", "indices"))
# Of a few bytes a sparse tensor makes as many elements as it likes.
MAX_DENSE_ELEMENTS: Final = 2**24


class DenseRoom:
    """How many elements the sparse tensors of one request may still become."""

    def __init__(self) -> None:
        self._left = MAX_DENSE_ELEMENTS

    def take(self, elements: int, field: str) -> None:
        """Count `elements` as made."""
        if elements > self._left:
            raise Fault(
                field,
                f"sparse tensors of a request have at most {MAX_DENSE_ELEMENTS} elements in all when dense, "
                f"these would have {MAX_DENSE_ELEMENTS - self._left + elements}",
            )
        self._left -= elements


def is_sparse(part: Any) -> bool:
    """Whether a value is a sparse tensor: an object with shape, data and indices, and nothing else."""
    return isinstance(part, dict) and part.keys() == _KEYS


def dense_rows(values: list[Any], datatype: str | None, field: str, room: DenseRoom) -> Array:
    """Return the dense array of shape (rows, *shape) of sparse rows that share a shape."""
    if not all(map(is_sparse, values)):
        raise Fault(field, "either all rows are sparse tensors or none is")
    first: dict[str, Any] = values[0]
    shape = _shape(first, f"{field}.shape")
    if any(row["shape"] != first["shape"] for row in values):
        raise Fault(f"{field}.shape", "the rows of an input have one shape")
    size = math.prod(shape)
    room.take(size * len(values), field)
    places = [_places(row, shape, field) + at * size for at, row in enumerate(values)]
    elements = array_of([part for row in values for part in row["data"]], datatype, f"{field}.data")
    if elements.dtype.hasobject:
        raise Fault(field, "a sparse tensor holds numbers, this input takes BYTES")
    dense = np.zeros(size * len(values), elements.dtype)
    dense[np.concatenate(places)] = elements
    return dense.reshape(len(values), *shape)


def _shape(row: dict[str, Any], field: str) -> tuple[int, ...]:
    sizes = row["shape"]
    is_list = isinstance(sizes, list) and 0 < len(sizes) < MAX_DIMENSIONS
    if not is_list or set(map(type, sizes)) != {int} or not is_sane(sizes):
        raise Fault(field, f"1 to {MAX_DIMENSIONS - 1} whole numbers, none negative or astronomical")
    return tuple(sizes)


def _places(row: dict[str, Any], shape: tuple[int, ...], field: str) -> Array:
    """Return where in the dense row, row-major, each element of `data` lies."""
    data, indices = row["data"], row["indices"]
    if not isinstance(data, list):
        raise Fault(f"{field}.data", "must be a list of the elements that are not 0")
    field = f"{field}.indices"
    is_table = isinstance(indices, list) and len(indices) == len(data)
    if not is_table or any(not isinstance(place, list) or len(place) != len(shape) for place in indices):
        raise Fault(field, f"needs a place of {len(shape)} whole numbers for each of the {len(data)} data")
    flat = [index for place in indices for index in place]
    if set(map(type, flat)) - {int}:
        raise Fault(field, "must be whole numbers")
    if flat and not 0 <= min(flat) <= max(flat) < max(shape):
        raise Fault(field, f"an index lies outside the shape {list(shape)}")
    table = np.array(flat, np.int64).reshape(len(indices), len(shape))
    if (table >= shape).any():
        raise Fault(field, f"an index lies outside the shape {list(shape)}")
    places = table @ np.array([math.prod(shape[at + 1 :]) for at in range(len(shape))], np.int64)
    if np.unique(places).size != places.size:
        raise Fault(field, "a place is named twice")
    return places
