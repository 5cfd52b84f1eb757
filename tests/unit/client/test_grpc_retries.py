"""When a request over gRPC is sent again, and what is raised when it is not; with both clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointsman.client.grpc import AsyncGrpcClient, GrpcClient
from pointsman.client.grpc_answer import Status, setback_of
from pointsman.client.headers import ERROR, PUSHBACK
from pointsman.client.insistence import Setback
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
    UNAVAILABLE,
    ClientError,
    Failure,
    Refused,
    SettingsError,
    TimedOut,
)
from pointsman.gateway.access import Access
from pointsman.gateway.call import Call
from pointsman.gateway.grpc.server import Options
from pointsman.gateway.keyring import Keyring
from pointsman.wire.response import error_to_pb
from tests.unit.client.grpc_gateway import KINDS, Moody, Time, asked, before, told
from tests.unit.gateway.grpc.doors import Plane, served
from tests.unit.gateway.keys import Clock, key, write

ROW = np.zeros((1, 2), np.float32)


def predict(client: Any) -> Any:
    return client.predict("m", ROW)


async def never(_: Call) -> None:
    await asyncio.Event().wait()


@KINDS
@pytest.mark.parametrize("code", [UNAVAILABLE, RESOURCE_EXHAUSTED])
def test_what_may_pass_is_asked_again_under_the_same_id(kind: str, code: str) -> None:
    plane, time = Moody(Failure(code, "not now"), Failure(code, "not now")), Time(kind)
    assert before(plane, kind, predict, **time.arguments).version == "1"
    assert len({call.id for call in plane.calls}) == 1
    assert len(plane.calls) == 3
    assert time.slept == [0.1, 0.2]


@pytest.mark.parametrize(
    "code",
    [ABORTED, DEADLINE_EXCEEDED, FAILED_PRECONDITION, INTERNAL, INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE,
     PERMISSION_DENIED],
)  # fmt: skip
def test_what_will_not_pass_is_asked_once_and_raised_whole(code: str) -> None:
    plane, time = Moody(Failure(code, "because", "x")), Time("sync")
    with pytest.raises(Refused) as refused:
        before(plane, "sync", predict, **time.arguments)
    assert refused.value.failure == Failure(code, "because", "x")
    assert (len(plane.calls), time.slept) == (1, [])


@KINDS
def test_after_the_last_attempt_its_failure_is_raised(kind: str) -> None:
    plane, time = Moody(*[Failure(UNAVAILABLE, "no pod")] * 3), Time(kind)
    with pytest.raises(Refused, match="UNAVAILABLE: no pod"):
        before(plane, kind, predict, retries=2, **time.arguments)
    assert len(plane.calls) == 3


@KINDS
def test_nobody_waits_for_an_attempt_that_would_come_too_late(kind: str) -> None:
    plane, time = Moody(Failure(UNAVAILABLE, "no pod")), Time(kind, chance=100.0)
    with pytest.raises(Refused, match="no pod"):
        before(plane, kind, lambda client: client.predict("m", ROW, timeout=10.0), **time.arguments)
    assert (len(plane.calls), time.slept) == (1, [])


@KINDS
def test_the_gateway_says_when_to_come_again(kind: str, tmp_path: Path) -> None:
    write(tmp_path / "keys", key("ada", rate=1, burst=1))
    clock, time = Clock(), Time(kind, chance=0.5)
    time.arguments["clock"] = lambda: clock.now_ns / 1e9
    access = Access(Keyring(tmp_path / "keys", clock), clock)

    def passing(seconds: float) -> None:
        time.slept.append(seconds)
        clock.pass_s(seconds)

    async def napping(seconds: float) -> None:
        passing(seconds)

    time.arguments["sleep"] = passing if kind == "sync" else napping

    def twice(client: Any) -> Any:
        return both(client) if kind == "async" else [predict(client), predict(client)]

    async def both(client: Any) -> list[Any]:
        return [await predict(client), await predict(client)]

    answers = before(Plane(), kind, twice, {"access": access}, key="ada-text", **time.arguments)
    assert [answer.version for answer in answers] == ["1", "1"]
    assert time.slept == pytest.approx([1.05], abs=0.01)


@KINDS
def test_no_answer_in_time_is_a_time_out_and_the_gateway_lets_go(kind: str) -> None:
    plane = Plane(never)

    async def story() -> None:
        async with served(plane) as (server, _):
            with pytest.raises(TimedOut, match=r"no answer from m within 0\.2 s"):
                await asked(
                    kind,
                    f"grpc://127.0.0.1:{server.port}",
                    lambda client: client.predict("m", ROW, timeout=0.2),
                )
            await plane.let_go.wait()

    told(story())
    assert len(plane.calls) == 1
    assert 0 < plane.calls[0].timeout_ms <= 201  # gRPC rounds a deadline up to 1 ms


@KINDS
@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan")])
def test_without_time_nothing_is_sent(kind: str, timeout: float) -> None:
    plane = Plane()
    with pytest.raises(TimedOut):
        before(plane, kind, lambda client: client.predict("m", ROW, timeout=timeout))
    assert plane.calls == []


def test_any_length_of_time_has_a_form() -> None:
    before(Plane(), "sync", lambda client: client.predict("m", ROW, timeout=float("inf")))


def test_a_task_that_is_cancelled_cancels_its_call() -> None:
    plane = Plane(never)

    async def story() -> None:
        async with served(plane) as (server, _), AsyncGrpcClient(f"grpc://127.0.0.1:{server.port}") as client:
            task = asyncio.create_task(client.predict("m", ROW, id="mine"))
            await plane.arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await plane.let_go.wait()

    told(story())
    assert plane.cancelled == ["mine"]


@KINDS
def test_a_gateway_that_stops_before_an_answer_is_a_client_error(kind: str) -> None:
    plane = Plane(never)

    async def story() -> None:
        async with served(plane) as (server, _):
            url = f"grpc://127.0.0.1:{server.port}"
            task = asyncio.create_task(asked(kind, url, predict, retries=0))
            await plane.arrived.wait()
            await server.stop(0)
            with pytest.raises(ClientError, match=f"{url} ended before an answer|nothing answers") as raised:
                await task
            assert not isinstance(raised.value, Refused | TimedOut)

    told(story())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@KINDS
def test_a_server_that_is_not_there_is_named(kind: str) -> None:
    url = f"grpc://127.0.0.1:{free_port()}"
    with pytest.raises(ClientError, match=f"nothing answers at {url}"):
        told(asked(kind, url, predict, retries=0))


def test_a_gateway_that_comes_back_is_found_within_the_retries() -> None:
    async def story() -> str:
        port = free_port()
        ways: list[Any] = []

        async def nap(seconds: float) -> None:
            if not ways:
                ways.append(served(address=f"127.0.0.1:{port}"))
                await ways[0].__aenter__()
            await asyncio.sleep(seconds)

        url = f"grpc://127.0.0.1:{port}"
        options = {"sleep": nap, "chance": lambda: 1.0, "retries": 6}
        answer = await asked("async", url, predict, **options)
        await ways[0].__aexit__(None, None, None)
        return str(answer.version)

    assert told(story()) == "1"


def test_a_message_that_is_too_large_for_the_gateway_is_sent_once() -> None:
    plane, time = Plane(), Time("sync")
    with pytest.raises(Refused, match=OUT_OF_RANGE):
        before(
            plane, "sync", lambda client: client.predict("m", np.zeros((1, 9_000))),
            {"options": Options(max_message_bytes=10_000)}, **time.arguments,
        )  # fmt: skip
    assert time.slept == []


@KINDS
def test_an_answer_may_have_any_size_and_at_most_what_the_client_says(kind: str) -> None:
    large, roomy = np.zeros((1, 1_000_000)), {"options": Options(max_message_bytes=64 << 20)}
    answer = before(Plane(), kind, lambda client: client.predict("m", large), roomy)
    assert answer.outputs["input"].nbytes == 8_000_000
    with pytest.raises(Refused, match=OUT_OF_RANGE):
        before(Plane(), kind, lambda client: client.predict("m", large), roomy, answer_bytes=1_000_000)


def test_closing_a_client_ends_its_calls_with_an_error() -> None:
    plane = Plane(never)

    async def story() -> None:
        async with served(plane) as (server, _):
            async with AsyncGrpcClient(f"grpc://127.0.0.1:{server.port}") as client:
                task = asyncio.create_task(client.predict("m", ROW))
                await plane.arrived.wait()
            with pytest.raises(ClientError, match="closed"):
                await task

    told(story())


def test_a_client_that_is_closed_or_was_never_opened_says_so() -> None:
    with GrpcClient("grpc://127.0.0.1:1") as client:
        pass
    with pytest.raises(ClientError, match="closed"):
        client.health()
    with pytest.raises(ClientError, match="closed"):
        next(client.stream([]))
    with pytest.raises(ClientError, match="async with"):
        asyncio.run(AsyncGrpcClient("grpc://127.0.0.1:1").health())


def setback(code: str, details: str = "", **trailing: Any) -> Setback:
    came = setback_of(Status(code, details, trailing), "grpc://host:1")
    assert isinstance(came, Setback)
    return came


@pytest.mark.parametrize(
    ("came", "said", "may_pass"),
    [
        (setback(UNAVAILABLE, "failed to connect to all"), "nothing answers at grpc://host:1", True),
        (setback(UNAVAILABLE, "Socket closed"), "ended before an answer: Socket closed", True),
        (setback("CANCELLED", "shutting down"), "ended before an answer: shutting down", True),
        (setback(UNAVAILABLE, "..CERTIFICATE_VERIFY_FAILED.."), "is not trusted: .*`verify`", False),
        (setback(RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!"), "RESOURCE_EXHAUSTED: Conc", True),
        (setback(RESOURCE_EXHAUSTED, "Received message larger than max (2 vs. 1)"), "OUT_OF_RANGE: ", False),
        (setback("UNIMPLEMENTED", "Method not found!"), "NOT_FOUND: Method", False),
        (setback("UNKNOWN"), "INTERNAL: the server answers UNKNOWN without a reason", False),
        (setback("DATA_LOSS", "x" * 9_999), "INTERNAL: x{2000}$", False),
    ],
)  # fmt: skip
def test_what_grpc_itself_says_is_a_sentence_and_whether_it_may_pass(
    came: Setback, said: str, may_pass: bool
) -> None:
    assert came.retryable is may_pass
    with pytest.raises(ClientError, match=said):
        raise came.error


def pushed_back(text: str | bytes | None) -> Setback:
    error = error_to_pb(Failure(UNAVAILABLE, "no pod")).SerializeToString()
    trailing: dict[str, Any] = {ERROR: error} if text is None else {ERROR: error, PUSHBACK: text}
    return setback(UNAVAILABLE, **trailing)


@pytest.mark.parametrize("text", ["soon", "-1", "1e9", "9" * 50, str(2**31), b"7", "²", ""])
def test_a_time_to_come_again_that_is_negative_or_no_number_forbids_it(text: str | bytes) -> None:
    came = pushed_back(text)
    assert (came.retryable, came.after) == (False, 0.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 0.0), ("0", 0.0), ("250", 0.25), (str(2**31 - 1), 2147483.647)]
)
def test_a_time_to_come_again_is_in_milliseconds_and_may_be_left_out(
    text: str | None, seconds: float
) -> None:
    came = pushed_back(text)
    assert (came.retryable, came.after) == (True, seconds)


@pytest.mark.parametrize(
    "url",
    ["", "gateway:80", "http://gateway:80", "grpc://", "grpc://host", "grpc://a:secret@gateway:1", "grpc://x:1/secret",
     "grpc://x:1?q=secret", "grpc://x:99999", "grpc://x:0", f"grpc://{'a' * 64}:1", "grpc://[::1:80"],
)  # fmt: skip
@pytest.mark.parametrize("made", [GrpcClient, AsyncGrpcClient])
def test_a_url_that_is_none_is_refused_without_being_repeated(made: Callable[..., Any], url: str) -> None:
    with pytest.raises(SettingsError, match="grpc://HOST:PORT") as raised:
        made(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key": "pm_secret\n"}, "key"),
        ({"retries": -1}, "retries is -1"),
        ({"compression": "zip"}, "compression is 'zip'"),
        ({"verify": "roots.pem"}, "no TLS over grpc://"),
        ({"certificate": ("a.pem", "a.key")}, "no TLS over grpc://"),
    ],
)
def test_an_argument_that_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        GrpcClient("grpc://gateway:1", **options)
    assert "secret" not in str(raised.value)
