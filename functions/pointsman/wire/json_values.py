"""JSON values to elements and arrays: exact, or refused by the name of their field.

Beside numbers, texts and truth values two objects stand for an element: `{"b64": "..."}` for bytes, and
`{"number": "NaN"}` (or `"Infinity"`, `"-Infinity"`) for what JSON has no number for.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from pointsman.core.tensor import DTYPES, Array
from pointsman.errors import INVALID_ARGUMENT, Failure

MAX_DIMENSIONS: Final = 32
_MAX_ELEMENTS: Final = 2**48
_BYTES, _NUMBER = "b64", "number"
NON_FINITE: Final[Mapping[str, float]] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Fault(Exception):
    """The body is refused; `failure` says why. Raised and caught in this room alone."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(INVALID_ARGUMENT, f"{field}: {message}" if field else message, field)


def is_sane(shape: Sequence[int]) -> bool:
    """Whether numpy can make such an array, were it empty."""
    return (
        len(shape) <= MAX_DIMENSIONS
        and min(shape, default=0) >= 0
        and math.prod(filter(None, shape)) <= _MAX_ELEMENTS
    )


def shape_of(data: Any) -> tuple[int, ...]:
    """Return the shape of nested lists, as their first elements have it."""
    shape = []
    while isinstance(data, list):
        shape.append(len(data))
        data = data[0] if data else None
    return tuple(shape)


def unnested(data: list[Any], shape: Sequence[int], field: str) -> list[Any]:
    """Return the leaves of lists that are nested exactly as `shape`, in row-major order."""
    level: list[Any] = [data]
    for size in shape:
        if any(not isinstance(row, list) or len(row) != size for row in level):
            raise Fault(field, f"rows must be nested as the shape {list(shape)}, all of one length")
        level = [leaf for row in level for leaf in row]
    return level


def is_element(part: Mapping[str, Any]) -> bool:
    """Whether an object stands for one element."""
    if len(part) != 1:
        return False
    ((key, value),) = part.items()
    return isinstance(value, str) and (key == _BYTES or (key == _NUMBER and value in NON_FINITE))


def array_of(flat: list[Any], dtype: np.dtype[Any] | None, field: str) -> Array:
    """Return the elements as a vector of `dtype`; without one, of the one that their kinds suggest."""
    kinds = set(map(type, flat))
    if dict in kinds:
        flat = [_element(part, field) if isinstance(part, dict) else part for part in flat]
        kinds = set(map(type, flat))
    if dtype is None:
        dtype = _guessed(kinds)
    if dtype.kind == "O":
        return _texts(flat, kinds, field)
    if dtype.kind == "b":
        if kinds - {bool}:
            raise Fault(field, "a BOOL is true or false")
        return np.array(flat, dtype)
    return _numbers(flat, kinds, dtype, field)


def _numbers(flat: list[Any], kinds: set[type], dtype: np.dtype[Any], field: str) -> Array:
    is_whole = dtype.kind in "iu"
    if kinds - {int, float} or (is_whole and float in kinds):
        raise Fault(field, f"elements must be {'whole numbers' if is_whole else 'numbers'}")
    if is_whole and flat and not np.iinfo(dtype).min <= min(flat) <= max(flat) <= np.iinfo(dtype).max:
        raise Fault(field, "an element does not fit the datatype")
    try:
        with np.errstate(over="raise"):
            return np.array(flat, dtype)
    except (OverflowError, FloatingPointError):
        raise Fault(field, "an element does not fit the datatype") from None


def _texts(flat: list[Any], kinds: set[type], field: str) -> Array:
    if kinds - {str, bytes}:
        raise Fault(field, 'elements of BYTES must be strings, or {"b64": "..."}')
    array = np.empty(len(flat), dtype=object)
    array[:] = [text.encode() if isinstance(text, str) else text for text in flat]
    return array


def _element(part: Mapping[str, Any], field: str) -> bytes | float:
    if not is_element(part):
        raise Fault(
            field,
            'an object is no element, but for {"b64": "..."} and {"number": "NaN"}, "Infinity", "-Infinity"',
        )
    ((key, value),) = part.items()
    if key == _NUMBER:
        return NON_FINITE[value]
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        raise Fault(
            field, "b64 is no base64: letters, digits, + and /, padded with = to a multiple of four"
        ) from None


def _guessed(kinds: set[type]) -> np.dtype[Any]:
    if kinds and kinds <= {str, bytes}:
        return DTYPES["BYTES"]
    if kinds == {bool}:
        return DTYPES["BOOL"]
    return DTYPES["INT64"] if kinds == {int} else DTYPES["FP32"]
