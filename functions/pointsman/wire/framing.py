"""Length-delimited protobuf fields by hand, for the few places where bytes are spliced a million times.

Two facts of the wire format carry this: fields may come in any order, and messages may be concatenated. So
what is equal in a whole batch is serialised once and the rest is appended per item. Every frame written
here is compared with the generated classes in the tests.
"""

from __future__ import annotations

from typing import Final

_SMALL: Final = 1 << 14


def _encode(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_VARINTS: Final = tuple(_encode(value) for value in range(_SMALL))


def varint(value: int) -> bytes:
    """Return the base-128 form of a non-negative integer."""
    return _VARINTS[value] if value < _SMALL else _encode(value)


def tag(field: int) -> bytes:
    """Return the tag of a length-delimited field."""
    return _encode(field << 3 | 2)


def framed(field: int, payload: bytes) -> bytes:
    """Return a length-delimited field."""
    return tag(field) + varint(len(payload)) + payload
