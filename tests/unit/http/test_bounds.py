"""What one caller can hold of a server, and for how long."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from pointsman.http.app import Request, Response, plainly
from pointsman.http.budget import Budget
from pointsman.http.connection import Connection, Terms
from pointsman.http.gathering import Gathering
from pointsman.http.incoming import Incoming
from pointsman.http.limits import Limits
from pointsman.http.server import Server
from tests.unit.http.scene import CLOSE, bodies, echo, on_a_server, said

GET = b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n"
HALF = b"POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nbody"


def post(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def gated(gate: asyncio.Event) -> Callable[[Request], Awaitable[Response]]:
    """Return a handler that waits at a gate."""

    async def handler(request: Request) -> Response:
        await gate.wait()
        return Response(request.path.encode() + b" %d" % len(request.body))

    return handler


@pytest.mark.parametrize("sent", [b"POST / HT", HALF])
def test_a_request_that_breaks_off_is_told_so(sent: bytes) -> None:
    answer = said(sent, limits=Limits(stall_s=0.02))
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("start", "limits"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\nLong: ", Limits(head_s=0.05)),
        (post(b"x" * 1000)[:-1000], Limits(body_s=0.05)),
    ],
)
def test_a_byte_now_and_then_keeps_no_request_alive(start: bytes, limits: Limits) -> None:
    async def scene(_: Server, port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start)
        reading = asyncio.create_task(reader.read())
        while not reading.done():
            writer.write(b"x")
            await asyncio.wait([reading], timeout=0.01)
        writer.close()
        return reading.result()

    assert on_a_server(scene, limits=limits).startswith(b"HTTP/1.1 408")


def test_what_is_due_is_answered_before_a_request_that_broke_off() -> None:
    gate = asyncio.Event()

    async def scene(_: Server, port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET % b"slow" + HALF)
        reading = asyncio.create_task(reader.read())
        await asyncio.wait([reading], timeout=0.06)
        gate.set()
        answer = await reading
        writer.close()
        return answer

    answer: bytes = on_a_server(scene, gated(gate), Limits(stall_s=0.02))
    first, second = answer.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200")
    assert first.endswith(b"/slow 0")
    assert second.startswith(b"408")


def test_bodies_that_wait_are_bounded_together_and_all_are_answered() -> None:
    gate = asyncio.Event()
    body = b"x" * 100_000

    async def scene(server: Server, port: int) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.set_write_buffer_limits(high=1 << 30)
        writer.write(post(body) * 200 + CLOSE)
        while not any(one.is_paused for one in server.connections):
            await asyncio.sleep(0)
        for _ in range(200):
            await asyncio.sleep(0)
        unsent = writer.transport.get_write_buffer_size()
        gate.set()
        answer = await reader.read()
        writer.close()
        return unsent, answer

    unsent, answer = on_a_server(scene, gated(gate), Limits(most_waiting=100_000))
    assert unsent > 0
    assert bodies(answer) == [b"/ 100000"] * 200 + [b"/last 0"]


def test_a_body_larger_than_all_that_may_wait_is_read() -> None:
    large = post(b"x" * 500_000)
    answer = said(large + large + CLOSE, handler=gated(_open()), limits=Limits(most_waiting=1000))
    assert bodies(answer) == [b"/ 500000", b"/ 500000", b"/last 0"]


def _open() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


ROOM = Limits(most_bytes=1_000_000)
LARGE = post(b"x" * 600_000)
FULL = b"HTTP/1.1 503"


async def status_of(port: int, sent: bytes) -> bytes:
    """Return the status line that a connection of its own gets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    line = await reader.readline()
    writer.transport.abort()
    return line.strip()


@pytest.mark.parametrize(
    "sent",
    [
        LARGE,
        LARGE[:-600_000],  # refused before it comes
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n927c0\r\n" + b"x" * 600_000,
    ],
    ids=["whole", "announced", "chunked"],
)
def test_bodies_of_all_connections_are_bounded_together_and_small_ones_pass(sent: bytes) -> None:
    async def scene(server: Server, port: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LARGE[:-1])
        while not server.budget.held > 500_000:
            await asyncio.sleep(0)
        heard = [await status_of(port, sent), await status_of(port, post(b"x" * 60_000))]
        writer.write(b"x")
        heard.append((await reader.readline()).strip())
        writer.close()
        return [*heard, await status_of(port, LARGE)]

    heard = on_a_server(scene, limits=ROOM)
    assert heard[0].startswith(FULL)
    assert heard[1:] == [b"HTTP/1.1 200 OK"] * 3


def test_what_is_handled_and_what_waits_holds_its_room_until_its_connection_is_gone() -> None:
    gate = asyncio.Event()

    async def scene(server: Server, port: int) -> tuple[bytes, int]:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"x" * 400_000) * 2 + post(b"x" * 150_000)[:-1])
        while server.budget.held < 949_999:
            await asyncio.sleep(0)
        refused = await status_of(port, LARGE)
        writer.transport.abort()
        while len(server.connections) > 0:
            await asyncio.sleep(0)
        left = server.budget.held  # the one that is being handled
        gate.set()
        while server.budget.held:
            await asyncio.sleep(0)
        return refused, left

    refused, left = on_a_server(scene, gated(gate), ROOM)
    assert refused.startswith(FULL)
    assert left == 400_000


def test_a_request_that_broke_or_was_refused_holds_nothing() -> None:
    async def broken(_: Request) -> Response:
        raise RuntimeError

    async def scene(server: Server, port: int) -> tuple[list[bytes], int]:
        wrong = LARGE.replace(b"Host: h", b"Host: h\r\npointsman-crc32: 00000000")
        heard = [await status_of(port, sent) for sent in (LARGE, wrong, LARGE)]
        return heard, server.budget.held

    heard, held = on_a_server(scene, broken, ROOM)
    assert [line[9:12] for line in heard] == [b"500", b"400", b"500"]
    assert held == 0


def test_a_body_in_tiny_chunks_takes_no_more_memory_than_another() -> None:
    incoming = Incoming(lambda _: None, lambda: None, Budget())
    incoming.feed(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    tracemalloc.start()
    try:
        for _ in range(300):
            incoming.feed(b"1\r\nx\r\n" * 100)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert incoming.size == 30_000
    assert taken < 100_000


def test_an_answered_body_is_let_go_while_the_next_request_waits() -> None:
    seen: list[bytes] = []

    async def handler(request: Request) -> Response:
        seen.append(request.body)
        return Response(b"x" * 20_000_000)

    async def scene(_: Server, port: int) -> int:
        unread, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(post(b"first") + post(b"second"))
        while not seen or sys.getrefcount(seen[0]) > 2:  # the list's, and the argument of getrefcount
            await asyncio.sleep(0)
        assert not unread.at_eof()
        writer.transport.abort()
        return len(seen)

    assert on_a_server(scene, handler) == 1


@pytest.mark.parametrize("before", [b"", GET % b"one"])
def test_a_connection_without_a_request_is_closed(before: bytes) -> None:
    answer = said(before, limits=Limits(idle_s=0.03))
    assert bodies(answer) == ([b"GET /one "] if before else [])


def test_a_connection_that_waits_for_its_answer_is_not_idle() -> None:
    async def slow(_: Request) -> Response:
        await asyncio.sleep(0.1)  # the work
        return Response(b"done")

    answer = said(GET % b"slow", handler=slow, limits=Limits(idle_s=0.02))
    assert bodies(answer) == [b"done"]


def test_who_does_not_read_its_answer_is_cut_off() -> None:
    async def large(_: Request) -> Response:
        return Response(b"x" * (32 << 20))

    async def scene(server: Server, port: int) -> bool:
        stranger = socket.create_connection(("127.0.0.1", port))
        stranger.sendall(GET % b"x")
        while not server.connections:
            await asyncio.sleep(0)
        while server.connections:
            await asyncio.sleep(0.005)
        stranger.close()
        return True

    assert on_a_server(scene, large, Limits(write_s=0.05))


class Backlog(asyncio.Transport):
    """A transport to a caller that reads, and after a while does not."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self._sizes = list(sizes)
        self._socket = socket.socket()
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self._sizes.pop(0)

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._socket if name == "socket" else default

    def abort(self) -> None:
        assert self._sizes == []
        self._socket.close()
        self.aborted.set()


def test_who_reads_its_answer_slowly_is_not_cut_off() -> None:
    async def scene(_: Server, __: int) -> bool:
        backlog = Backlog(10_000, 9_000, 5_000, 4_999)
        terms = Terms(echo, plainly, Gathering(), Limits(write_s=0.01, slowest=10_000), Budget())
        connection = Connection(terms, lambda _: True, lambda _: None)
        connection.connection_made(backlog)
        connection.pause_writing()
        return await backlog.aborted.wait()

    assert on_a_server(scene)


def test_one_connection_too_many_hears_so_and_another_comes_when_one_went() -> None:
    async def scene(server: Server, port: int) -> tuple[bytes, bytes]:
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        while len(server.connections) < 2:
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        refused = await reader.read()
        writer.close()
        for _, stream in streams:
            stream.close()
        while server.connections:
            await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CLOSE)
        taken = await reader.read()
        writer.close()
        return refused, taken

    refused, taken = on_a_server(scene, limits=Limits(most_connections=2))
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert bodies(taken) == [b"GET /last "]


def test_an_upload_under_way_is_answered_by_a_server_that_drains() -> None:
    gate = asyncio.Event()

    async def scene(server: Server, port: int) -> list[bytes]:
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        streams[0][1].write(HALF)
        streams[1][1].write(GET % b"first" + HALF)
        while sum(one.is_begun for one in server.connections) < 2:
            await asyncio.sleep(0)
        draining = asyncio.create_task(server.drain(10))
        gate.set()
        await streams[1][0].readuntil(b"/first 0")
        answers = []
        for reader, writer in streams:
            writer.write(b"-rest")
            answers.append(await reader.read())
            writer.close()
        await draining
        return answers

    for answer in on_a_server(scene, gated(gate)):
        assert bodies(answer) == [b"/half 9"]
        assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"\x00", 400), (HALF, 408), (post(b"x" * 200), 413), (GET % b"broken" + b"\x00", 500)],
)
def test_what_a_connection_says_itself_is_said_as_its_application_wants(sent: bytes, status: int) -> None:
    def say(code: int, text: str) -> Response:
        return Response(json.dumps({"error": text}).encode(), code, "application/json")

    answer = said(sent, limits=Limits(most_body=100, stall_s=0.02), say=say)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/json" in answer
    assert list(json.loads(bodies(answer)[0])) == ["error"]
