"""What a connection makes of the bytes that come, over real sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.http.app import Request, Response
from pointsman.http.budget import Budget
from pointsman.http.incoming import MAX_HEAD, Came, Incoming, Refusal
from tests.unit.http.scene import CLOSE, bodies, said

CHUNKED = b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
WISH = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n"


async def tell(request: Request) -> Response:
    """Say all that came."""
    return Response(json.dumps([*request._replace(body=b"")[:2], request.body.decode("latin-1")]).encode())


def told(sent: bytes, pieces: int = 1) -> list[Any]:
    """Return method, path and body of all requests that came."""
    return [json.loads(body) for body in bodies(said(sent, pieces=pieces, handler=tell))]


def parsed(*parts: bytes) -> list[Came]:
    """Return the requests in what comes in these parts."""
    found: list[Came] = []
    incoming = Incoming(found.append, lambda: None, Budget())
    for part in parts:
        incoming.feed(part)
    return found


def test_a_trailer_is_no_header() -> None:
    trailer = b"X-Api-Key: stolen\r\nAuthorization: Bearer stolen\r\n\r\n"
    first, second = parsed(CHUNKED + trailer + b"GET / HTTP/1.1\r\nHost: i\r\n\r\n")
    assert first.request.headers == {"host": "h", "transfer-encoding": "chunked"}
    assert second.request.headers == {"host": "i"}


@pytest.mark.parametrize("line", [b"X-One: " + b"v" * 100 + b"\r\n", b"v" * 100])
def test_trailers_without_end_are_refused(line: bytes) -> None:
    incoming = Incoming(lambda _: None, lambda: None, Budget())
    incoming.feed(CHUNKED)
    incoming.feed(b"X-Long: ")
    for _ in range((MAX_HEAD - 100) // len(line)):
        incoming.feed(line)
    with pytest.raises(Refusal, match=str(MAX_HEAD)):
        incoming.feed(line * 2)


def test_a_body_in_many_small_chunks_is_read_however_long_it_is() -> None:
    head, chunk = CHUNKED[: CHUNKED.index(b"3\r\n")], b"1\r\nx\r\n"
    (came,) = parsed(head, *[chunk] * (MAX_HEAD // 4), b"0\r\n\r\n")
    assert came.request.body == b"x" * (MAX_HEAD // 4)


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"", b""),
        (b"Content-Length: 5\r\n", b"hello"),
        (b"Transfer-Encoding: chunked\r\n", b"2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: t\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 7, 50, 1000])
def test_a_wish_for_another_protocol_is_not_granted_and_all_else_is(
    framing: bytes, body: bytes, size: int
) -> None:
    wish = b"POST /a?x=1 HTTP/1.1\r\nHost: h\r\n" + WISH + framing + b"\r\n" + body
    sent = wish + wish + b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n" + wish
    found = parsed(*(sent[at : at + size] for at in range(0, len(sent), size)))
    whole = b"hello" if body else b""
    assert [(one.request.path, one.request.query, one.request.body) for one in found] == [
        ("/a", "x=1", whole),
        ("/a", "x=1", whole),
        ("/b", "", b""),
        ("/a", "x=1", whole),
    ]
    assert all(one.keep_alive for one in found)
    assert found[0].request.headers["http2-settings"] == "AAMAAABkAAQ"


def test_a_wish_for_another_protocol_is_answered_over_a_connection() -> None:
    wish = b"POST /u HTTP/1.1\r\nHost: h\r\n" + WISH + b"Content-Length: 2\r\n\r\nhi"
    assert told(wish + CLOSE, pieces=3) == [["POST", "/u", "hi"], ["GET", "/last", ""]]


def test_who_wishes_and_asks_before_the_body_is_told_to_go_on_once() -> None:
    asks = b"Expect: 100-continue\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n"
    answer = said(b"POST /u HTTP/1.1\r\nHost: h\r\n" + asks + b"hi")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert answer.count(b"100 Continue") == 1
    assert answer.endswith(b"POST /u hi")


@pytest.mark.parametrize(
    "sent",
    [
        b"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\n" + WISH + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_cannot_be_answered_gets_one_400_and_the_end(sent: bytes) -> None:
    answer = said(sent + b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert answer.count(b"\r\nDate: ") == 1
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        (b"http://g:80/v2/models?a=b", "/v2/models", "a=b", "g:80"),
        (b"HTTPS://g", "/", "", "g"),
        (b"http://g?x=/y", "/", "x=/y", "g"),
        (b"/v2?next=http://g/v1", "/v2", "next=http://g/v1", "h"),
        (b"*", "*", "", "h"),
    ],
)
def test_a_target_as_proxies_are_sent_it_is_a_path_on_a_host(
    target: bytes, path: str, query: str, host: str
) -> None:
    (came,) = parsed(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (came.request.path, came.request.query) == (path, query)
    assert came.request.headers["host"] == host


def test_an_old_client_that_asks_for_it_is_told_that_its_connection_stays() -> None:
    old = b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    first, last = said(old + b"GET /old HTTP/1.0\r\n\r\n").split(b"HTTP/1.1 200 OK")[1:]
    assert b"Connection: keep-alive\r\n" in first
    assert b"Connection: close\r\n" in last
