"""Answers of TensorFlow Serving's predict over REST, as a client reads them: a row for each instance."""

from __future__ import annotations

import binascii
import json
import math
from typing import Any, Final

import numpy as np

from pointsman.core.tensor import DTYPES, Array
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.wire.elements import MAX_DIMENSIONS, Fault, is_sane, packed, quoted, unnested

PREDICTIONS: Final = "predictions"
# The one key of an object that stands for bytes.
_BASE64: Final = "b64"
_INT64_MAX: Final = 2**63 - 1


def read_predictions(body: bytes) -> dict[str, Array] | Failure:
    """Return the arrays of {"predictions": rows}, or why they cannot be read; nothing is raised.

    Bare rows are the array `predictions`; of rows that are objects each name is an array. Integers become
    INT64 (UINT64 where they need it), other numbers FP64, null NaN, text and {"b64"} objects `bytes`.
    """
    try:
        # The standard library's: it takes the tokens NaN and Infinity, which this protocol has.
        said = json.loads(body)
    except (ValueError, RecursionError):
        return Failure(INVALID_ARGUMENT, "the body is not JSON")
    rows = said.get(PREDICTIONS) if isinstance(said, dict) else None
    if not isinstance(rows, list):
        return Failure(INVALID_ARGUMENT, f"{PREDICTIONS}: is missing, or no list", PREDICTIONS)
    try:
        return _arrays(rows)
    except Fault as fault:
        return fault.failure


def _arrays(rows: list[Any]) -> dict[str, Array]:
    if not rows or not _is_named(rows[0]):
        return {PREDICTIONS: _array(rows, PREDICTIONS)}
    names = list(rows[0])
    if any(not _is_named(row) or row.keys() != rows[0].keys() for row in rows):
        raise Fault(PREDICTIONS, "all rows must be objects with the same names")
    return {name: _array([row[name] for row in rows], f"{PREDICTIONS}.{quoted(name)}") for name in names}


def _is_named(row: Any) -> bool:
    return isinstance(row, dict) and row.keys() != {_BASE64}


def _array(rows: list[Any], field: str) -> Array:
    shape = _shape(rows)
    if not is_sane(shape):
        raise Fault(field, f"more than {MAX_DIMENSIONS} dimensions")
    flat = unnested(rows, shape, field)
    kinds = set(map(type, flat))
    if kinds and kinds <= {str, dict}:
        array: Array = np.empty(len(flat), dtype=object)
        array[:] = [_bytes(element, field) for element in flat]
        return array.reshape(shape)
    datatype = _datatype(flat, kinds)
    if datatype == "FP64":
        flat = [math.nan if element is None else element for element in flat]
    return np.frombuffer(packed(flat, datatype, field), DTYPES[datatype]).reshape(shape)


def _shape(level: Any) -> list[int]:
    shape = []
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    return shape


def _datatype(flat: list[Any], kinds: set[type]) -> str:
    if kinds == {bool}:
        return "BOOL"
    if kinds != {int}:
        return "FP64"
    return "INT64" if max(flat) <= _INT64_MAX else "UINT64"


def _bytes(element: Any, field: str) -> bytes:
    if isinstance(element, str):
        return element.encode(errors="replace")
    try:
        return binascii.a2b_base64(element[_BASE64], strict_mode=True)
    except (KeyError, TypeError, ValueError):
        raise Fault(field, 'an object in the place of a value is {"b64": TEXT}') from None
