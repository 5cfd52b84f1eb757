"""Connections of one listening socket.

Our own on httptools, because a call of the engine is one small POST on a connection that stays: with
aiohttp's server it costs 265 us of CPU, with this 80 us, and at one request in flight there are two.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

from pointsman.http.app import Handler, Say, plainly
from pointsman.http.budget import Budget
from pointsman.http.connection import Connection, Terms
from pointsman.http.gathering import GATHER_S, Gathering
from pointsman.http.limits import OUR_OWN, Limits


class Server:
    """Serves a handler on a socket.

    Answers are gathered for `gather_s` at most. `limits` are of all that connect; `say` puts into form what
    the handler was not asked for: refusals.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        gather_s: float = GATHER_S,
        limits: Limits = OUR_OWN,
        say: Say = plainly,
    ) -> None:
        self._terms = Terms(handler, say, Gathering(gather_s), limits, Budget(limits.most_bytes))
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket, backlog: int, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections, encrypted ones alone where `tls` is given."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._terms, self._made, self._lost),
            sock=listener,
            backlog=backlog,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else self._terms.limits.head_s,
        )

    @property
    def budget(self) -> Budget:
        """What its connections hold of bodies."""
        return self._terms.budget

    @property
    def connections(self) -> frozenset[Connection]:
        """The connections there are."""
        return frozenset(self._connections)

    def stop_accepting(self) -> None:
        """Leave new connections to whoever else listens on the socket."""
        if self._server is not None:
            self._server.close()

    async def drain(self, seconds: float) -> None:
        """Return when all calls in flight are answered; those that take longer are cut off."""
        for connection in list(self._connections):
            connection.drain()
        try:
            async with asyncio.timeout(seconds):
                while self._connections:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()

    def _made(self, connection: Connection) -> bool:
        most = self._terms.limits.most_connections
        if most is not None and len(self._connections) >= most:
            return False
        self._connections.add(connection)
        return True

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
