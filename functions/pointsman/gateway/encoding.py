"""Bodies packed with gzip or deflate, in and out."""

from __future__ import annotations

import zlib
from typing import Final

from pointsman.errors import INVALID_ARGUMENT, OUT_OF_RANGE, Failure

# Below this packing costs more than it saves.
WORTH_BYTES: Final = 2_048
_LEVEL: Final = 1
# zlib's window bits: with a gzip header, with a zlib header, with none.
_GZIP, _ZLIB, _RAW = 31, 15, -15


def unpacked(body: bytes, encoding: str, most: int) -> bytes | Failure:
    """Return a body as it was before its Content-Encoding; a failure where it is none or larger than `most`.

    `deflate` is a zlib stream; as some senders leave its header out, it may be a raw one.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding in ("gzip", "x-gzip"):
        return _inflated(body, _GZIP, most)
    if encoding == "deflate":
        plain = _inflated(body, _ZLIB, most)
        is_raw = isinstance(plain, Failure) and plain.code == INVALID_ARGUMENT
        return _inflated(body, _RAW, most) if is_raw else plain
    said = f"Content-Encoding {encoding[:40]!r} is unknown; send gzip, deflate or identity"
    return Failure(INVALID_ARGUMENT, said, "Content-Encoding")


def choice(accepted: str) -> str:
    """Return the encoding of the answer that an Accept-Encoding allows: gzip, deflate, or "" for none."""
    names = {}
    for part in accepted.lower().split(","):
        name, _, quality = part.partition(";")
        names[name.strip()] = quality.replace(" ", "")
    return next((name for name in ("gzip", "deflate") if names.get(name, "q=0") not in _REFUSED), "")


_REFUSED: Final = frozenset({"q=0", "q=0.0", "q=0.00", "q=0.000"})


def packed(body: bytes, encoding: str) -> bytes:
    """Return a body in an encoding that `choice` named."""
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP if encoding == "gzip" else _ZLIB)
    return packer.compress(body) + packer.flush()


def _inflated(body: bytes, wbits: int, most: int) -> bytes | Failure:
    unpacker = zlib.decompressobj(wbits)
    try:
        plain = unpacker.decompress(body, most + 1)
    except zlib.error:
        return Failure(INVALID_ARGUMENT, "the body is not what its Content-Encoding says", "Content-Encoding")
    if len(plain) > most:
        return Failure(OUT_OF_RANGE, f"a body has at most {most} bytes here, unpacked")
    if not unpacker.eof:
        return Failure(INVALID_ARGUMENT, "the packed body is cut short", "Content-Encoding")
    return plain
