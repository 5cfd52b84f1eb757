from __future__ import annotations

import pytest

from pointsman.http.app import Request, Response
from pointsman.http.limits import Limits
from tests.unit.http.scene import CLOSE, bodies, said


async def headers_of(request: Request) -> Response:
    """Say what headers and query came, and send one back."""
    text = "\n".join(f"{name}={value}" for name, value in request.headers.items())
    return Response(f"{request.query}\n{text}".encode())


def test_headers_come_in_lower_case_and_repeated_ones_joined() -> None:
    request = b"GET /a?b=c%20d HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\nConnection: close\r\n\r\n"
    assert bodies(said(request, handler=headers_of)) == [b"b=c%20d\nhost=h\nx-one=1, 2\nconnection=close"]


def test_headers_of_one_request_are_not_those_of_the_next() -> None:
    answers = bodies(said(b"GET / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\n\r\n" + CLOSE, handler=headers_of))
    assert answers == [b"\nhost=h\nx-one=1", b"\nhost=h\nconnection=close"]


async def smuggling(_: Request) -> Response:
    """Answer with a header that would end the head, were it written as it is."""
    return Response(b"ok", headers=(("X-Id", "a\r\nX-Other: b\r\n\r\n"),))


def test_a_header_cannot_end_the_head() -> None:
    answer = said(CLOSE, handler=smuggling)
    assert b"X-Id: aX-Other: b\r\n" in answer
    assert bodies(answer) == [b"ok"]


def test_a_body_of_the_largest_size_is_read_and_one_byte_more_is_not() -> None:
    def post(size: int) -> bytes:
        return b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (size, b"x" * size)

    first, second = said(post(100) + post(101), limits=Limits(most_body=100)).split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200")
    assert second.startswith(b"413")
    assert b"at most 100 bytes" in second


@pytest.mark.parametrize("pieces", [1, 40])
def test_a_body_in_chunks_is_counted_as_it_comes(pieces: int) -> None:
    chunk = b"40\r\n" + b"x" * 64 + b"\r\n"
    head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = said(head + chunk * 2 + b"0\r\n\r\n", limits=Limits(most_body=100), pieces=pieces)
    assert answer.startswith(b"HTTP/1.1 413")


def test_who_is_refused_in_the_middle_of_a_large_body_hears_why() -> None:
    size = 8 << 20  # more than the socket's buffers hold
    answer = said(
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size,
        limits=Limits(most_body=1000),
    )
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"Connection: close" in answer
