"""Connections of one listening socket.

Our own on httptools, because a call of the engine is one small POST on a connection that stays: with
aiohttp's server it costs 265 us of CPU, with this 80 us, and at one request in flight there are two.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

from pointsman.http.app import Handler
from pointsman.http.connection import Connection
from pointsman.http.gathering import GATHER_S, Gathering


class Server:
    """Serves a handler on a socket.

    Answers are gathered for `gather_s` at most. A body of more than `most_body` bytes is refused, and its
    connection closed; None: any size is read.
    """

    def __init__(self, handler: Handler, *, gather_s: float = GATHER_S, most_body: int | None = None) -> None:
        self._handler = handler
        self._gathering = Gathering(gather_s)
        self._most_body = most_body
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket, backlog: int, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections, encrypted ones alone where `tls` is given."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, sock=listener, backlog=backlog, ssl=tls)

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

    def _accept(self) -> Connection:
        connection = Connection(self._handler, self._lost, self._gathering, self._most_body)
        self._connections.add(connection)
        return connection

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
