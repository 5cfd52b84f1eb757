"""Bodies packed with gzip or deflate, in and out."""

from __future__ import annotations

import zlib
from typing import Final

from pointsman.errors import INVALID_ARGUMENT, OUT_OF_RANGE, Failure

# Below this packing costs more than it saves.
WORTH_BYTES: Final = 2_048
# Deflate makes no more of a byte: 258 bytes of two bits (RFC 1951, 3.2.5).
MOST_TIMES: Final = 1_032
_LEVEL: Final = 1
# Files that are packed in blocks have one member for each 64 KiB. Each costs a table, however small it is.
MOST_MEMBERS: Final = 4_096
_CHUNK: Final = 64 * 1024  # what follows a member is copied, at most so much of it
# zlib's window bits: with a gzip header, with a zlib header, with none.
_GZIP, _ZLIB, _RAW = 31, 15, -15


def is_packed(encoding: str) -> bool:
    """Return whether a body with this Content-Encoding is another than without."""
    return encoding.strip().lower() not in ("", "identity")


def unpacked(body: bytes, encoding: str, most: int) -> bytes | Failure:
    """Return a packed body as it was; a failure where it is not what its encoding says or larger than `most`.

    A gzip body may have several members, one behind the other, and nothing else behind them. `deflate` is a
    zlib stream; as some senders leave its header out, it may be a raw one.
    """
    encoding = encoding.strip().lower()
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
    parts, size, rest = [], 0, memoryview(body)
    for _ in range(MOST_MEMBERS if wbits == _GZIP else 1):
        try:
            plain, behind = _member(rest, wbits, most + 1 - size)
        except zlib.error:
            return _malformed("the body is not what its Content-Encoding says")
        parts.append(plain)
        size += len(plain)
        if size > most:
            return Failure(OUT_OF_RANGE, f"a body has at most {most} bytes here, unpacked")
        if behind is None:
            return _malformed("the packed body is cut short")
        if not behind:
            return b"".join(parts)
        rest = behind
    if wbits == _GZIP:
        return Failure(OUT_OF_RANGE, f"a gzip body has at most {MOST_MEMBERS} members here")
    return _malformed("there are bytes behind the packed body")


def _member(body: memoryview, wbits: int, room: int) -> tuple[bytes, memoryview | None]:
    """Return what one member holds, at most `room` bytes, and what is behind it: None where it has no end."""
    unpacker = zlib.decompressobj(wbits)
    parts = []
    for at in range(0, len(body), _CHUNK):
        parts.append(unpacker.decompress(body[at : at + _CHUNK], room))
        room -= len(parts[-1])
        if unpacker.eof:
            end = min(at + _CHUNK, len(body)) - len(unpacker.unused_data)
            return b"".join(parts), body[end:]
        if not room:
            break
    return b"".join(parts), None


def _malformed(message: str) -> Failure:
    return Failure(INVALID_ARGUMENT, message, "Content-Encoding")
