"""The store of claim-checks."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from pointsman.localstack.child import Child, Command
from pointsman.localstack.ports import HOST, Reservation

PROGRAM = "redis-server"
_MAX_MEMORY = "256mb"


def is_installed() -> bool:
    """Whether the machine has a Redis."""
    return shutil.which(PROGRAM) is not None


class Redis(Child):
    """A Redis that keeps nothing on disk: claim-checks live shorter than it does."""

    ready_within_s = 15.0

    def __init__(self, log: Path, reservation: Reservation) -> None:
        super().__init__("redis", log, reservation)
        self.url = f"redis://{HOST}:{self.port}/0"

    def command(self) -> Command:
        """Return the server without persistence, evicting the oldest entries at its bound."""
        options = {
            "port": str(self.port),
            "bind": HOST,
            "save": "",
            "appendonly": "no",
            "maxmemory": _MAX_MEMORY,
            "maxmemory-policy": "volatile-ttl",
            "daemonize": "no",
        }
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        return Command((PROGRAM, *flags), {}, self.log.parent)

    def is_ready(self) -> bool:
        """Whether it answers PING."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
