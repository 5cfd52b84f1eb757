"""What callers of a server may take of it."""

from __future__ import annotations

from typing import Final, Self

import msgspec

from pointsman.http.budget import SMALL


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one server and of each of its connections. None: there is no such bound.

    The defaults are for callers of our own, who idle for hours and send what they like.
    """

    most_body: int | None = None
    """Bytes of a body; a longer one is refused, and its connection closed."""

    most_waiting: int | None = None
    """Bytes of bodies of one connection, read and not yet handled: beyond it there is no reading for a while.
    One body is read, however large."""

    most_bytes: int | None = None
    """Bytes of bodies of all connections at a time, from their first byte to their answer; what does not fit
    is refused with 503. Small ones, see `budget`, do not count."""

    most_connections: int | None = None
    """Connections at a time; each further one is told 503 and closed."""

    stall_s: float = 5.0
    """A message that breaks off for so long will not be whole: its length is corrupt, or its sender gone."""

    head_s: float | None = None
    """From the first byte of a message to the end of its headers. So long may a TLS handshake take, too."""

    body_s: float | None = None
    """So much time a body has, from the end of its headers on; bytes that come give time back, see `slowest`,
    but never more: a body that came fast at first may not pause for long."""

    slowest: int = 64 << 10
    """Bytes a second: of a body that comes, see `body_s`, and of an answer, see `write_s`."""

    idle_s: float | None = None
    """How long a connection stays without a request."""

    write_s: float | None = None
    """A caller that reads its answer for so long at a quarter of `slowest` is cut off."""

    @classmethod
    def of_strangers(cls, most_body: int, most_bytes: int | None = None) -> Self:
        """Return what to grant to callers that nobody knows."""
        return cls(
            most_body=most_body,
            most_waiting=SMALL,
            most_bytes=most_bytes,
            most_connections=4096,
            head_s=10.0,
            body_s=10.0,
            idle_s=75.0,
            write_s=30.0,
        )


OUR_OWN: Final = Limits()
