"""What is left of a connection that has gone: nothing, and at once."""

from __future__ import annotations

import asyncio
import gc
import ssl
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.http.limits import Limits
from pointsman.http.server import Server
from tests.unit.http.scene import CLOSE, on_a_server
from tests.unit.openssl import issue, joined

BOUNDED = Limits(idle_s=60.0, write_s=60.0, head_s=60.0, body_s=60.0)
WHOLE = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
PART = WHOLE[:-3]
NO_REQUEST = b"\x00\xff nothing like it\r\n\r\n"


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Let only what nobody refers to go."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def _left(server: Server, port: int, sent: bytes, tls: ssl.SSLContext | None) -> int:
    """Return how many connections are left over after one has sent this and gone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    while not server.connections:
        await asyncio.sleep(0)
    there = [weakref.ref(connection) for connection in server.connections]
    writer.write(sent)
    if sent != PART:
        await reader.read(1)  # the answer has begun
    writer.close()
    await writer.wait_closed()
    while server.connections:
        await asyncio.sleep(0.001)
    for _ in range(10):
        await asyncio.sleep(0)  # the loop lets go of what it has told
    return sum(connection() is not None for connection in there)


@pytest.mark.parametrize("sent", [WHOLE, PART, CLOSE, NO_REQUEST])
def test_a_connection_that_has_gone_waits_for_no_garbage_collector(sent: bytes) -> None:
    async def scene(server: Server, port: int) -> int:
        return await _left(server, port, sent, None)

    assert on_a_server(scene, limits=BOUNDED) == 0


def test_nor_does_one_that_was_encrypted(tmp_path: Path) -> None:
    issue(tmp_path, "gateway")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(joined(tmp_path, "gateway"))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE

    async def scene(server: Server, port: int) -> int:
        return await _left(server, port, WHOLE, client)

    assert on_a_server(scene, limits=BOUNDED, tls=tls) == 0
