"""The gRPC doors in a thread, for callers that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pointsman.gateway.desk import Desk
from pointsman.gateway.grpc.server import grpc_server


@contextmanager
def in_a_thread(desk: Desk) -> Iterator[str]:
    """Serve on a free port while it is entered; yield HOST:PORT."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        opening = asyncio.run_coroutine_threadsafe(grpc_server(desk, "127.0.0.1:0"), loop)
        server = opening.result(10)
        yield f"127.0.0.1:{server.port}"
        asyncio.run_coroutine_threadsafe(server.stop(0), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
