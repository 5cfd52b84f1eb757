"""Elements of a tensor between JSON values and the raw form: exact, or refused by name.

Integers are exact: one that does not fit its integer datatype is refused, never wrapped or rounded. Some
clients write 1.0 for 1: below 2^53 that is a whole number, beyond it stands for several and is refused.
Floating-point datatypes round to the nearest and refuse what they would turn into an infinity.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from pointsman.core.tensor import DTYPES
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.wire.tensors import join_bytes, split_bytes

MAX_DIMENSIONS: Final = 32
_MAX_ELEMENTS: Final = 2**48
_MAX_QUOTED: Final = 100
_MAX_WHOLE: Final = 2.0**53

# struct's codes: it packs a list in less time than numpy takes to make an array of it.
_CODES: Final = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
# What the elements of a datatype may be in JSON, and how to say so.
_NUMBERS: Final = (frozenset({int, float}), "elements must be numbers")
_WHOLE: Final = (frozenset({int}), "elements must be whole numbers")
_KINDS: Final[dict[str, tuple[frozenset[type], str]]] = {
    name: _WHOLE if DTYPES[name].kind in "iu" else _NUMBERS for name in _CODES
} | {"BOOL": (frozenset({bool}), "a BOOL is true or false")}


class Fault(Exception):
    """The body is refused; `failure` says why. Raised and caught in this room alone."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(INVALID_ARGUMENT, f"{field}: {message}" if field else message, field)


def quoted(text: str) -> str:
    """Return a name that a sender chose, cut to what a message has room for."""
    return text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…"


def check_frame(datatype: str, shape: Sequence[int], field: str) -> None:
    """Raise the Fault of an unknown datatype or of a shape that no tensor can have."""
    if datatype not in DTYPES:
        known = ", ".join(DTYPES)
        raise Fault(f"{field}.datatype", f"unknown datatype {quoted(datatype)!r}; known are {known}")
    if not shape or not is_sane(shape):
        raise Fault(
            f"{field}.shape", "1 to 32 dimensions, none negative or astronomical; the first is the batch"
        )


def check_names(field: str, names: Sequence[str]) -> None:
    """Raise the Fault of tensors of which two share a name."""
    if len(set(names)) < len(names):
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise Fault(f"{field}.{quoted(twice)}", "is given twice")


def is_sane(shape: Sequence[int]) -> bool:
    """Whether numpy can make an array of this shape of one dimension or more, were it empty."""
    return (
        len(shape) <= MAX_DIMENSIONS and min(shape) >= 0 and math.prod(filter(None, shape)) <= _MAX_ELEMENTS
    )


def flattened(data: Any, shape: Sequence[int], field: str) -> list[Any]:
    """Return the elements of flat data, or of data nested exactly as the shape; raises Fault."""
    elements: list[Any] = data if isinstance(data, list) else [data]
    if elements and isinstance(elements[0], list):
        return unnested(elements, shape, field)
    count = math.prod(shape)
    if len(elements) != count:
        raise Fault(field, f"shape {list(shape)} needs {count} elements, there are {len(elements)}")
    return elements


def unnested(data: list[Any], shape: Sequence[int], field: str) -> list[Any]:
    """Return the elements of data that must be nested exactly as the shape; raises Fault."""
    level: list[Any] = [data]
    for size in shape:
        if any(not isinstance(row, list) or len(row) != size for row in level):
            raise Fault(field, f"rows must be nested as the shape {list(shape)}, all of one length")
        level = list(chain.from_iterable(level))
    return level


def packed(flat: list[Any], datatype: str, field: str) -> bytes:
    """Return the raw form, little-endian, of elements as JSON has them; raises Fault."""
    if datatype == "BYTES":
        return join_bytes(texts(flat, field))
    kinds, wanted = _KINDS[datatype]
    if not kinds.issuperset(map(type, flat)):
        if DTYPES[datatype].kind not in "iu" or not all(map(_is_whole, flat)):
            raise Fault(field, wanted)
        flat = list(map(int, flat))
    try:
        return struct.pack(f"<{len(flat)}{_CODES[datatype]}", *flat)
    except (struct.error, OverflowError):
        raise Fault(field, "an element does not fit the datatype") from None


def _is_whole(element: Any) -> bool:
    if type(element) is float:
        return element.is_integer() and abs(element) < _MAX_WHOLE
    return type(element) is int


def texts(flat: list[Any], field: str) -> list[bytes]:
    """Return the elements of BYTES: strings, as JSON has them, in UTF-8, bytes as they are; raises Fault."""
    if not all(isinstance(text, str | bytes) for text in flat):
        raise Fault(field, 'elements of BYTES must be strings, or {"b64": "..."}')
    return [text.encode() if isinstance(text, str) else text for text in flat]


def unpacked(raw: bytes, datatype: str, count: int) -> Sequence[Any] | None:
    """Return `count` elements as JSON has them, None where the raw form does not hold just so many.

    BYTES are read as UTF-8, with replacement characters for what is none.
    """
    if datatype == "BYTES":
        elements = split_bytes(raw)
        if elements is None or len(elements) != count:
            return None
        return [element.decode(errors="replace") for element in elements]
    try:
        return struct.unpack(f"<{count}{_CODES.get(datatype, '')}", raw)
    except struct.error:
        return None
