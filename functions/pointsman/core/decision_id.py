"""Decision ids: enough for a reward, distinct per request, unforgeable without the key.

Form: `model:arm:epoch:time_ms:hash:mac`, the last two 16 hexadecimal digits. `hash` is XXH64 of the request
id, `mac` is keyed BLAKE2b (RFC 7693) of all before it, cut to 64 bits.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

import xxhash


class DecisionId(NamedTuple):
    """The parts of a verified decision id."""

    model: str
    arm: str
    epoch: int
    time_ms: int
    request_hash: int


def signer(secret: bytes, model: str, arm: str, epoch: int, time_ms: int) -> Callable[[str], str]:
    """Return the function from request id to decision id for the requests decided at one moment."""
    prefix = f"{model}:{arm}:{epoch}:{time_ms}:"
    begun = blake2b(prefix.encode(), key=secret[:64], digest_size=8)

    def sign(request_id: str) -> str:
        tail = xxhash.xxh64_hexdigest(request_id.encode())
        mac = begun.copy()
        mac.update(tail.encode())
        return f"{prefix}{tail}:{mac.hexdigest()}"

    return sign


def verify(secret: bytes, text: str) -> DecisionId | None:
    """Return the parts of a genuine decision id, or None."""
    parts = text.split(":")
    if not text.isascii() or len(parts) != 6 or not (parts[2].isdigit() and parts[3].isdigit()):
        return None
    expected = blake2b(":".join(parts[:5]).encode(), key=secret[:64], digest_size=8).hexdigest()
    # The MAC covers "prefix:" + hash, which is the text up to its last colon.
    if not hmac.compare_digest(expected, parts[5]):
        return None
    return DecisionId(parts[0], parts[1], int(parts[2]), int(parts[3]), int(parts[4], 16))
