"""The status line and the headers of an answer, and the checksum that may go with a body."""

from __future__ import annotations

import time
import zlib
from email.utils import formatdate
from functools import lru_cache
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


def head_of(response: Response, connection: str, is_checked: bool) -> bytes:
    """Return all that comes before the body. Values of headers that hold control characters lose them.

    `connection`: what is said of the connection's future; empty: nothing.
    """
    status, body = response.status, response.body
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {response.content_type}\r\n"
        f"Content-Length: {len(body)}\r\nDate: {_date(int(time.time()))}\r\n"
    )
    for name, value in response.headers:
        text = value if value.isprintable() else value.translate(_CONTROL)  # the test is quicker by far
        head += f"{name}: {text}\r\n"
    if is_checked:
        head += f"{CHECKSUM}: {checksum(body)}\r\n"
    if connection:
        head += f"Connection: {connection}\r\n"
    return f"{head}\r\n".encode("latin-1", "replace")


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
