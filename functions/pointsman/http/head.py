"""The status line and the headers of an answer, and the checksum that may go with a body."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import Final

from pointsman.http.app import Response

# The CRC-32 of a body, eight hexadecimal digits. TCP's own checksum misses one error in 65,000, and a proxy
# makes a new one for whatever it passes on.
CHECKSUM: Final = "pointsman-crc32"

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_CONTROL: Final = dict.fromkeys((*range(32), 127))


def checksum(body: bytes) -> str:
    """Return the checksum of a body as its header has it."""
    return f"{zlib.crc32(body):08x}"


def head_of(response: Response, keep_alive: bool, is_checked: bool) -> bytes:
    """Return all that comes before the body. Values of headers that hold control characters lose them."""
    lines = [
        f"HTTP/1.1 {response.status} {_REASONS[response.status]}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
    ]
    lines += [f"{name}: {value.translate(_CONTROL)}" for name, value in response.headers]
    if is_checked:
        lines.append(f"{CHECKSUM}: {checksum(response.body)}")
    if not keep_alive:
        lines.append("Connection: close")
    return "\r\n".join((*lines, "\r\n")).encode("latin-1", "replace")
