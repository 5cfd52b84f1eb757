"""When a request over HTTP is sent again, and what is raised when it is not; with both clients."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import numpy as np
import pytest

from pointsman.client.http import AsyncHttpClient, HttpClient
from pointsman.errors import (
    ABORTED,
    DEADLINE_EXCEEDED,
    FAILED_PRECONDITION,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    OUT_OF_RANGE,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    ClientError,
    Refused,
    TimedOut,
)
from pointsman.gateway.http_errors import STATUSES
from tests.unit.client.gateway import Gateway, Handler, echo, in_turn

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])
ROW = np.zeros((1, 2), np.float32)
AWAY = httpx.ConnectError("[Errno 111] Connection refused")
CUT = httpx.RemoteProtocolError("Server disconnected without sending a response.")


def predict(client: Any) -> Any:
    return client.predict("m", ROW)


def after(*failures: int | httpx.Response | Exception) -> Handler:
    """Return a handler that answers once these are spent; a number is a status."""
    rest = list(failures)

    def handle(request: httpx.Request) -> httpx.Response:
        if not rest:
            return echo(request)
        failure = rest.pop(0)
        return in_turn(httpx.Response(failure) if isinstance(failure, int) else failure)(request)

    return handle


@KINDS
@pytest.mark.parametrize(
    "failure", [429, 503, AWAY, CUT, httpx.ReadError("reset"), httpx.WriteError("reset")]
)
def test_what_may_pass_is_asked_again_under_the_same_id(kind: str, failure: int | Exception) -> None:
    gateway = Gateway(after(failure, failure))
    assert gateway.ask(kind, predict).version == "2"
    assert len({request.headers["x-request-id"] for request in gateway.requests}) == 1
    assert len(gateway.requests) == 3
    assert gateway.slept == [0.1, 0.2]


@KINDS
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500, 502, 504])
def test_what_will_not_pass_is_asked_once(kind: str, status: int) -> None:
    gateway = Gateway(in_turn(httpx.Response(status, json={"error": "because"})))
    with pytest.raises(Refused, match="because"):
        gateway.ask(kind, predict)
    assert (len(gateway.requests), gateway.slept) == (1, [])


@pytest.mark.parametrize(
    "code",
    [ABORTED, DEADLINE_EXCEEDED, FAILED_PRECONDITION, INTERNAL, INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE,
     PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAUTHENTICATED, UNAVAILABLE],
)  # fmt: skip
def test_the_failure_has_the_code_that_the_gateway_made_a_status_of(code: str) -> None:
    gateway = Gateway(lambda _: httpx.Response(STATUSES[code], json={"error": "because"}))
    with pytest.raises(Refused) as refused:
        gateway.ask("sync", predict, retries=0)
    shared = INVALID_ARGUMENT if code == FAILED_PRECONDITION else code  # both are 400
    assert (refused.value.failure.code, refused.value.failure.message) == (shared, "because")


@KINDS
def test_after_the_last_attempt_its_failure_is_raised(kind: str) -> None:
    gateway = Gateway(lambda _: httpx.Response(503, json={"error": "no pod"}))
    with pytest.raises(Refused, match="UNAVAILABLE: no pod"):
        gateway.ask(kind, predict, retries=2)
    assert len(gateway.requests) == 3


@KINDS
@pytest.mark.parametrize(("failure", "said"), [(AWAY, "nothing answers at http://gateway"), (CUT, "ended")])
def test_a_server_that_stays_away_is_a_client_error(kind: str, failure: Exception, said: str) -> None:
    gateway = Gateway(in_turn(failure, failure))
    with pytest.raises(ClientError, match=said) as raised:
        gateway.ask(kind, predict, retries=1)
    assert not isinstance(raised.value, Refused | TimedOut)


@KINDS
def test_an_attempt_is_told_the_time_that_is_left(kind: str) -> None:
    gateway = Gateway(after(429))
    gateway.ask(kind, lambda client: client.predict("m", ROW, timeout=2.0))
    told = [int(r.headers["x-pointsman-timeout-ms"]) for r in gateway.requests]
    assert told == pytest.approx([2000, 1900], abs=1)
    assert [r.extensions["timeout"]["read"] for r in gateway.requests] == pytest.approx([2.0, 1.9])


@KINDS
def test_the_server_says_when_to_come_again(kind: str) -> None:
    gateway = Gateway(after(httpx.Response(429, headers={"retry-after": "3"})), chance=0.5)
    gateway.ask(kind, predict)
    assert gateway.slept == [3.05]


def test_a_date_to_come_again_counts_from_the_servers_own() -> None:
    dates = {"retry-after": "Wed, 21 Oct 2026 07:28:05 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    gateway = Gateway(after(httpx.Response(503, headers=dates)), chance=0.0)
    gateway.ask("sync", predict)
    assert gateway.slept == [5.0]


@pytest.mark.parametrize("text", ["soon", "-1", "1e9", "9" * 50, "Wed, 21 Oct 2026 07:28:05 GMT", "²"])
def test_a_time_to_come_again_that_is_none_is_passed_over(text: str) -> None:
    headers = [(b"retry-after", text.encode())]
    gateway = Gateway(after(httpx.Response(429, headers=headers)))
    gateway.ask("sync", predict)
    assert gateway.slept == [0.1]


@KINDS
def test_nobody_waits_for_an_attempt_that_would_come_too_late(kind: str) -> None:
    gateway = Gateway(in_turn(httpx.Response(503, headers={"retry-after": "10"}, json={"error": "no pod"})))
    with pytest.raises(Refused, match="no pod"):
        gateway.ask(kind, lambda client: client.predict("m", ROW, timeout=10.0))
    assert gateway.slept == []


@KINDS
def test_no_answer_in_time_is_a_time_out_that_is_not_tried_again(kind: str) -> None:
    gateway = Gateway(in_turn(httpx.ReadTimeout("")))
    with pytest.raises(TimedOut, match=r"no answer from m within 0\.5 s"):
        gateway.ask(kind, lambda client: client.predict("m", ROW, timeout=0.5))


@KINDS
@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan")])
def test_without_time_nothing_is_sent(kind: str, timeout: float) -> None:
    gateway = Gateway()
    with pytest.raises(TimedOut):
        gateway.ask(kind, lambda client: client.predict("m", ROW, timeout=timeout))
    assert gateway.requests == []


@KINDS
def test_any_length_of_time_has_a_form_in_sockets_and_headers(kind: str) -> None:
    gateway = Gateway()
    gateway.ask(kind, lambda client: client.predict("m", ROW, timeout=float("inf")))
    assert len(gateway.requests[0].headers["x-pointsman-timeout-ms"]) == 9


def test_an_answer_that_comes_in_drops_ends_with_the_time() -> None:
    class Drops(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            while True:
                gateway.now += 1.0
                yield b" "

    gateway = Gateway(in_turn(httpx.Response(200, stream=Drops())))
    with pytest.raises(TimedOut):
        gateway.ask("sync", lambda client: client.predict("m", ROW, timeout=5.0))
    assert gateway.now == 1006.0


@KINDS
def test_an_answer_that_breaks_off_is_not_asked_for_again(kind: str) -> None:
    class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Any:
            raise httpx.ReadError("reset")

        async def __aiter__(self) -> Any:
            for part in self:
                yield part

    gateway = Gateway(in_turn(httpx.Response(200, stream=Broken())))
    with pytest.raises(ClientError, match="broke off: reset"):
        gateway.ask(kind, predict)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            httpx.Response(413, text="a body has at most 10 bytes here\n"),
            "OUT_OF_RANGE: a body has",
        ),
        (httpx.Response(502, html="<html>secret</html>"), "UNAVAILABLE: the server answers HTTP 502"),
        (httpx.Response(500, json={"error": {"code": 1}}), "INTERNAL: the server answers HTTP 500"),
        (httpx.Response(302, headers={"location": "http://elsewhere"}), "the server answers 302"),
    ],
)
def test_a_refusal_in_another_form_still_is_a_sentence(answer: httpx.Response, said: str) -> None:
    with pytest.raises(ClientError) as raised:
        Gateway(in_turn(answer)).ask("sync", predict)
    assert str(raised.value).startswith(said)


def test_a_closed_client_says_so() -> None:
    with HttpClient("http://gateway") as client:
        pass
    with pytest.raises(ClientError, match="closed"):
        client.health()


def test_a_closed_asynchronous_client_says_so() -> None:
    async def story() -> None:
        async with AsyncHttpClient("http://gateway") as client:
            pass
        await client.health()

    with pytest.raises(ClientError, match="closed"):
        asyncio.run(story())
