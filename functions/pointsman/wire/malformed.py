"""Why a JSON body cannot be read, said to its sender."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pointsman.errors import INVALID_ARGUMENT, Failure

# What a JSON decoder raises, whatever it is given.
UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeError)

_PLACE: Final = re.compile(r"at `\$\.?([^`]*)`$")
_BYTE: Final = re.compile(r"\(byte (\d+)\)$")
_NO_NUMBER: Final = re.compile(rb"[\s,:\[]-?(nan|inf)", re.IGNORECASE)


def malformed(error: Exception, body: bytes | memoryview) -> Failure:
    """Return the failure of a body that raised one of UNREADABLE; its field is the place, if it is known."""
    text = str(error)[:200].removeprefix("JSON is malformed: ")
    place = _PLACE.search(text)
    if isinstance(error, RecursionError):
        text = "it is nested too deeply"
    elif _is_no_number(text, body):
        text += "; NaN and Infinity are not JSON: send such elements in a binary form"
    return Failure(INVALID_ARGUMENT, f"the body is malformed: {text}", place[1] if place else "")


def _is_no_number(text: str, body: bytes | memoryview) -> bool:
    byte = _BYTE.search(text)
    if byte is None:
        return False
    at = int(byte[1])  # of the first letter or of one behind it
    return _NO_NUMBER.search(bytes(body[max(0, at - 6) : at + 5])) is not None
