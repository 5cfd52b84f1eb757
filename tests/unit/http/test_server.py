"""The HTTP server of function processes, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from pointsman.http import gathering
from pointsman.http.app import Request, Response
from pointsman.http.connection import MAX_WAITING, Connection
from pointsman.http.head import checksum
from pointsman.http.incoming import MAX_HEAD
from pointsman.http.server import Server
from tests.unit.http.scene import CLOSE, bodies, on_a_server, said


@pytest.mark.parametrize("pieces", [1, 7, 60])
def test_requests_of_a_connection_are_answered_in_order_however_they_are_cut(pieces: int) -> None:
    post = b"POST /a?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    assert bodies(said(post + post + CLOSE, pieces=pieces)) == [
        b"POST /a hello",
        b"POST /a hello",
        b"GET /last ",
    ]


def test_a_body_in_chunks_is_put_together() -> None:
    chunked = (
        b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert bodies(said(chunked + CLOSE)) == [b"POST /c abcde", b"GET /last "]


def test_more_requests_than_the_server_holds_at_once_are_all_answered() -> None:
    many = b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n for n in range(500))
    assert bodies(said(many + CLOSE)) == [b"GET /%d " % n for n in range(500)] + [b"GET /last "]


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00\xff\x17 nothing like it\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: many\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_400_after_the_answers_before_it(noise: bytes) -> None:
    answer = said(b"GET /good HTTP/1.1\r\nHost: h\r\n\r\n" + noise)
    assert bodies(answer)[0] == b"GET /good "
    assert b"HTTP/1.1 400 Bad Request" in answer
    assert answer.count(b"Connection: close") == 1


@pytest.mark.parametrize("start", [b"GET /", b"GET /x HTTP/1.1\r\nHost: h\r\nLong: "])
def test_a_head_without_end_gets_400(start: bytes) -> None:
    answer = said(start + b"x" * (MAX_HEAD + 1))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert answer.count(b"Connection: close") == 1


def test_a_large_body_is_no_large_head() -> None:
    body = b"y" * (3 * MAX_HEAD)
    post = b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    assert bodies(said(post + post + CLOSE, pieces=40))[:2] == [b"POST /b " + body] * 2


def test_a_connection_stays_after_a_large_message_that_came_in_one_piece() -> None:
    body = b"y" * (3 * MAX_HEAD)
    post = b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    answer = b"POST /b " + body

    async def scene(_server: Server, port: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        found = []
        for _ in range(3):
            writer.write(post)
            head = await reader.readuntil(b"\r\n\r\n")
            found.append(head.split(b"\r\n")[0] + await reader.readexactly(len(answer)))
        writer.close()
        return found

    assert on_a_server(scene) == [b"HTTP/1.1 200 OK" + answer] * 3


def test_a_handler_that_raises_is_a_500_and_the_connection_stays() -> None:
    answer = said(b"GET /broken HTTP/1.1\r\nHost: h\r\n\r\n" + CLOSE)
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error")
    assert bodies(answer)[1] == b"GET /last "
    assert b"on purpose" not in answer


def test_a_caller_that_asks_before_it_sends_its_body_is_told_to_go_on() -> None:
    asks = b"Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    answer = said(b"POST /e HTTP/1.1\r\nHost: h\r\n" + asks + b"ok")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert answer.endswith(b"POST /e ok")


def test_head_gets_no_body() -> None:
    answer = said(b"HEAD /h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 8" in answer


def test_an_old_client_without_keep_alive_sees_the_end() -> None:
    assert bodies(said(b"GET /old HTTP/1.0\r\n\r\n")) == [b"GET /old "]


def slowly(started: asyncio.Event, go_on: asyncio.Event) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that tells when it starts and waits to be let go."""

    async def handler(_: Request) -> Response:
        started.set()
        await go_on.wait()
        return Response(b"done")

    return handler


def test_draining_answers_what_is_in_flight_and_closes_what_is_idle() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def scene(server: Server, port: int) -> tuple[bytes, bytes]:
        idle, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        busy, busy_writer = await asyncio.open_connection("127.0.0.1", port)
        busy_writer.write(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        await started.wait()
        server.stop_accepting()
        draining = asyncio.create_task(server.drain(10))
        nothing = await idle.read()
        assert not draining.done()
        go_on.set()
        answer = await busy.read()
        await draining
        idle_writer.close()
        busy_writer.close()
        return nothing, answer

    nothing, answer = on_a_server(scene, slowly(started, go_on))
    assert nothing == b""
    assert bodies(answer) == [b"done"]
    assert b"Connection: close" in answer


def test_draining_cuts_off_what_takes_too_long() -> None:
    started, never = asyncio.Event(), asyncio.Event()

    async def scene(server: Server, port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        await started.wait()
        await server.drain(0.01)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    assert on_a_server(scene, slowly(started, never)) == b""


def test_a_caller_that_leaves_does_not_stop_its_call_or_the_server() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    ended: list[bool] = []
    inner = slowly(started, go_on)

    async def handler(request: Request) -> Response:
        response = await inner(request)
        ended.append(True)
        return response

    async def scene(_server: Server, port: int) -> bytes:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        await started.wait()
        writer.close()
        await writer.wait_closed()
        go_on.set()
        reader, again = await asyncio.open_connection("127.0.0.1", port)
        again.write(CLOSE)
        answer = await reader.read()
        again.close()
        return answer

    assert bodies(on_a_server(scene, handler)) == [b"done"]
    assert ended == [True, True]


def test_a_caller_that_asks_faster_than_it_is_answered_is_not_read_from_for_a_while() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    many = b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n for n in range(3 * MAX_WAITING))

    async def scene(server: Server, port: int) -> tuple[bool, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(many)
        await started.wait()
        (connection,) = server.connections
        while not connection.is_paused:
            await asyncio.sleep(0)
        writer.write(CLOSE)
        await writer.drain()
        go_on.set()
        answer = await reader.read()
        writer.close()
        return connection.is_paused, answer

    still_paused, answer = on_a_server(scene, slowly(started, go_on))
    assert not still_paused
    assert bodies(answer) == [b"done"] * (3 * MAX_WAITING + 1)


def test_no_call_is_made_for_a_caller_that_does_not_read() -> None:
    calls: list[str] = []

    async def large(request: Request) -> Response:
        calls.append(request.path)
        return Response(b"x" * (4 << 20))

    async def scene(server: Server, port: int) -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n" * 40)
        await writer.drain()
        while not calls:
            await asyncio.sleep(0)
        for _ in range(1000):
            await asyncio.sleep(0)
        made = len(calls)
        writer.transport.abort()
        while server.connections:
            await asyncio.sleep(0)
        return made

    assert on_a_server(scene, large) < 10


def test_a_connection_looks_whether_its_caller_is_alive() -> None:
    async def scene(server: Server, port: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
        await reader.readuntil(b"GET /x ")
        (connection,) = server.connections
        alive: int = kept_alive(connection)
        writer.close()
        return alive

    assert on_a_server(scene) == 1


def kept_alive(connection: Connection) -> int:
    """Return the socket option of a connection."""
    assert connection.socket is not None
    return int(connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))


def checked(body: bytes, claimed: bytes) -> bytes:
    """Return a request whose body is claimed to have the checksum of other bytes."""
    lines = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\nPointsman-CRC32: %s\r\n\r\n"
    return lines % (len(body), checksum(claimed).encode()) + body


def test_a_checked_request_gets_a_checked_answer_and_others_get_none() -> None:
    with_one, without = said(checked(b"body", b"body") + CLOSE).split(b"HTTP/1.1 200")[1:]
    assert b"pointsman-crc32: " + checksum(b"POST /a body").encode() in with_one
    assert b"crc32" not in without


def test_a_corrupt_body_is_refused_and_the_connection_ends() -> None:
    answer = said(checked(b"bodx", b"body") + checked(b"next", b"next"))
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"checksum" in answer


def test_an_answer_that_waits_for_others_leaves_before_a_draining_server_closes_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gathering, "GATHER_S", 60)
    release, done = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        if request.path == "/slow":
            await release.wait()
        else:
            asyncio.get_running_loop().call_soon(done.set)
        return Response(request.path.encode())

    async def scene(server: Server, port: int) -> None:
        streams = []
        for path in (b"/slow", b"/quick"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % path)
            streams.append((reader, writer))
        await done.wait()
        draining = asyncio.create_task(server.drain(10))
        assert bodies(await streams[1][0].read()) == [b"/quick"]
        release.set()
        assert bodies(await streams[0][0].read()) == [b"/slow"]
        await draining
        for _, writer in streams:
            writer.close()

    on_a_server(scene, handler)
