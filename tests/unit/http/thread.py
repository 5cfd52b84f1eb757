"""A server in a thread, for callers that block."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Self

from pointsman.http.app import Handler
from pointsman.http.server import Server


class ServerThread:
    """Serves a handler on a free port while it is entered."""

    def __init__(self, handler: Handler) -> None:
        self._server = Server(handler)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(self._listener, 16), self._loop).result(10)
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._server.stop_accepting)
        asyncio.run_coroutine_threadsafe(self._server.drain(0), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
