"""Free ports that stay free until the child that wants them starts."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterable

from pointsman.errors import StackError

HOST = "127.0.0.1"
# Below the kernel's ephemeral range, where any outgoing connection may take a port at any time.
_LOWEST, _HIGHEST = 20_000, 32_000
_ATTEMPTS = 200


class Reservation:
    """A port that nobody else can bind until `release`."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self.port: int = bound.getsockname()[1]

    def release(self) -> None:
        """Let the port go; call it right before its owner starts."""
        self._socket.close()


def reserve(preferred: Iterable[int] = (), chance: random.Random | None = None) -> Reservation:
    """Return the first free port of `preferred`, else a random free one. Raises StackError if none is."""
    picks = chance or random.Random()
    candidates = [*preferred, *(picks.randrange(_LOWEST, _HIGHEST) for _ in range(_ATTEMPTS))]
    for port in candidates:
        if port and (bound := _bind(port)) is not None:
            return Reservation(bound)
    raise StackError(f"no free port on {HOST} after {len(candidates)} attempts")


def is_free(port: int) -> bool:
    """Whether nothing listens on the port and nobody reserved it."""
    bound = _bind(port)
    if bound is not None:
        bound.close()
    return bound is not None


def _bind(port: int) -> socket.socket | None:
    sock = socket.socket()
    # With the option a port whose last connections are in TIME_WAIT counts as free; without it, set
    # back after the bind, the next one who asks for this port is told that it is taken.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            return None
        raise
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return sock
