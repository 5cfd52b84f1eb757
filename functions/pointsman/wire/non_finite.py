"""NaN and infinities in JSON text, where a protocol writes them as tokens that JSON does not have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import numpy as np

from pointsman.core.tensor import Array

# Far more text than a request record takes; the search is linear, but slower than a parser.
MAX_TOKEN_BYTES: Final = 512 << 10

# A string that is never closed ends with the text, so no character is looked at twice.
_STRING: Final = re.compile(rb'("(?:[^"\\]++|\\.)*+"?)', re.DOTALL)
_MINUS: Final = re.compile(rb"-Inf(?:inity)?")
_PLUS: Final = re.compile(rb"(?<!-)Inf(?:inity)?")
_encoder = msgspec.json.Encoder()


def has_tokens(body: bytes) -> bool:
    """Whether a text that is no JSON may be JSON with tokens for NaN or infinities."""
    return b"NaN" in body or b"Inf" in body


def without_tokens(body: bytes) -> bytes:
    """Return the text with the objects that stand for NaN and infinities in their place; strings stay."""
    parts = _STRING.split(body)
    parts[::2] = [_spelled(part) if has_tokens(part) else part for part in parts[::2]]
    return b"".join(parts)


def _spelled(part: bytes) -> bytes:
    part = part.replace(b"NaN", b'{"number":"NaN"}')
    part = _MINUS.sub(b'{"number":"-Infinity"}', part)
    return _PLUS.sub(b'{"number":"Infinity"}', part)


def encode_with_tokens(tree: Any, arrays: Iterable[Array]) -> bytes:
    """Return the tree as JSON, with tokens where one of the arrays that it was made of is not finite."""
    if all(array.dtype.kind != "f" or np.isfinite(array).all() for array in arrays):
        return _encoder.encode(tree)
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()
