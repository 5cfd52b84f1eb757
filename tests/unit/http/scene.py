"""A server on a real socket, and what it says."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from pointsman.http.app import Request, Response, Say, plainly
from pointsman.http.limits import OUR_OWN, Limits
from pointsman.http.server import Server

CLOSE = b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def echo(request: Request) -> Response:
    """Say what came."""
    if request.path == "/broken":
        raise RuntimeError("on purpose")
    return Response(f"{request.method} {request.path} ".encode() + request.body)


Scene = Callable[[Server, int], Awaitable[Any]]


def on_a_server(
    scene: Scene,
    handler: Callable[[Request], Awaitable[Response]] = echo,
    limits: Limits = OUR_OWN,
    say: Say = plainly,
    tls: ssl.SSLContext | None = None,
) -> Any:
    """Run a scene with a server and its port."""

    async def run() -> Any:
        server = Server(handler, limits=limits, say=say)
        listener = socket.create_server(("127.0.0.1", 0))
        await server.start(listener, 16, tls)
        try:
            return await asyncio.wait_for(scene(server, listener.getsockname()[1]), 20)
        finally:
            server.stop_accepting()
            await server.drain(0)

    return uvloop.run(run())


def said(
    sent: bytes,
    *,
    pieces: int = 1,
    handler: Callable[[Request], Awaitable[Response]] = echo,
    limits: Limits = OUR_OWN,
    say: Say = plainly,
) -> bytes:
    """Return all that the server says to these bytes, sent in so many pieces, until it closes."""

    async def scene(_: Server, port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        step = -(-len(sent) // pieces) or 1
        for at in range(0, len(sent), step):
            writer.write(sent[at : at + step])
            await writer.drain()
            await asyncio.sleep(0)
        answer = await reader.read()
        writer.close()
        return answer

    answer: bytes = on_a_server(scene, handler, limits, say)
    return answer


def bodies(answer: bytes) -> list[bytes]:
    """Return the bodies of the responses one after the other, by their content length."""
    found = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
        size = int(lengths[0])
        found.append(rest[:size])
        answer = rest[size:]
    return found
