"""JSON values to elements and arrays: exact, or refused by the name of their field.

Beside numbers, texts and truth values two objects stand for an element: `{"b64": "..."}` for bytes, and
`{"number": "NaN"}` (or `"Infinity"`, `"-Infinity"`) for what JSON has no number for.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from pointsman.core.tensor import DTYPES, Array
from pointsman.wire.elements import Fault, packed, texts

_BYTES, _NUMBER = "b64", "number"
NON_FINITE: Final[Mapping[str, float]] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def shape_of(data: Any) -> tuple[int, ...]:
    """Return the shape of nested lists, as their first elements have it."""
    shape = []
    while isinstance(data, list):
        shape.append(len(data))
        data = data[0] if data else None
    return tuple(shape)


def is_element(part: Mapping[str, Any]) -> bool:
    """Whether an object stands for one element."""
    if len(part) != 1:
        return False
    ((key, value),) = part.items()
    return isinstance(value, str) and (key == _BYTES or (key == _NUMBER and value in NON_FINITE))


def array_of(flat: list[Any], datatype: str | None, field: str) -> Array:
    """Return the elements as a vector of a datatype; without one, of the one that their kinds suggest."""
    if dict in set(map(type, flat)):
        flat = [_element(part, field) if isinstance(part, dict) else part for part in flat]
    if datatype is None:
        datatype = _guessed(set(map(type, flat)))
    if datatype != "BYTES":
        return np.frombuffer(bytearray(packed(flat, datatype, field)), DTYPES[datatype])
    array = np.empty(len(flat), dtype=object)
    array[:] = texts(flat, field)
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


def _guessed(kinds: set[type]) -> str:
    if kinds and kinds <= {str, bytes}:
        return "BYTES"
    if kinds == {bool}:
        return "BOOL"
    return "INT64" if kinds == {int} else "FP32"
