"""Remotes that hang, cut, drip, lie and redirect: each costs its own time and no more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pointsman.errors import DEADLINE_EXCEEDED, FAILED_PRECONDITION, INTERNAL, UNAVAILABLE, Failure, LoadError
from pointsman.http.app import Request, Response
from pointsman.runtimes.remote.model import RemoteModel
from tests.unit.gateway.scene import SIGNATURE, Scene
from tests.unit.http.thread import ServerThread
from tests.unit.runtimes.remote.servers import (
    DESCRIBED,
    ONE,
    Doubles,
    Script,
    Streams,
    after,
    hang,
    json_answer,
    nobody,
    opened,
    raw,
    rows,
)

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n"
Remote = Callable[..., Callable[[], Failure]]


@pytest.fixture
def remote() -> Iterator[Remote]:
    """Return what opens a remote that answers when it is loaded, and what asks it then, in vain."""
    models: list[RemoteModel] = []

    def begin(url: str, seconds: float = 10, **options: object) -> Callable[[], Failure]:
        settings = {"remote_bytes": 10_000}
        models.append(opened(f"{url}/v2/models/m", options=options, settings=settings, signature=SIGNATURE))
        return lambda: refusal(models[-1], seconds)

    yield begin
    for model in models:
        model.unload()


def refusal(model: RemoteModel, seconds: float) -> Failure:
    """Return why a model does not answer in time."""
    [result] = model.answer([rows(1)], 256, time.monotonic() + seconds)
    assert isinstance(result, Failure)
    return result


async def _cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"\r\n{")
    await writer.drain()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drop: bytes) -> None:
    gone = asyncio.ensure_future(reader.read())
    while not gone.done():
        writer.write(drop)
        await asyncio.wait([gone], timeout=0.02)


async def _drip_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    await _drip(reader, writer, b"x")


async def _drip_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"\r\n")
    await _drip(reader, writer, b" ")


async def _nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x15\x03\x01 what?\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("behave", [hang, _drip_head, _drip_body])
def test_one_that_hangs_or_drips_costs_its_time_and_no_more(behave: Streams, remote: Remote) -> None:
    with raw(after(behave)) as url:
        ask = remote(url, 0.3, retries=5)
        began = time.monotonic()
        failure = ask()
        assert time.monotonic() - began < 5
    assert failure.code == DEADLINE_EXCEEDED
    assert "did not answer within" in failure.message


@pytest.mark.parametrize("behave", [_cut, _nonsense])
def test_one_that_cuts_or_talks_nonsense_is_unavailable(behave: Streams, remote: Remote) -> None:
    with raw(after(behave)) as url:
        failure = remote(url, retries=1)()
    assert (failure.code, failure.retryable) == (UNAVAILABLE, True)
    assert "cannot be reached" in failure.message


def test_one_that_has_gone_is_left_alone_after_a_few_calls(remote: Remote) -> None:
    with ServerThread(Script(DESCRIBED, ONE)) as server:
        ask = remote(server.url, retries=0)
    failures = [ask() for _ in range(8)]
    assert {failure.code for failure in failures} == {UNAVAILABLE}
    assert "cannot be reached" in failures[0].message
    assert "did not answer lately" in failures[-1].message


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (
            Response(b"", 302, headers=(("location", "http://127.0.0.1:1/"),)),
            FAILED_PRECONDITION,
            "not followed",
        ),
        (Response(b"x" * 10_001), INTERNAL, "over 10000 bytes"),
        (Response(b"{"), INTERNAL, "cannot be read"),
        (Response(b"[]"), INTERNAL, "cannot be read"),
        (Response(ONE.body, headers=(("content-encoding", "gzip"),)), INTERNAL, "packs"),
        (
            Response(ONE.body, headers=(("Inference-Header-Content-Length", "many"),)),
            INTERNAL,
            "is no number",
        ),
        (json_answer({"error": "boom"}, 500), INTERNAL, "the remote says: boom"),
        (json_answer({"error": "full"}, 503), UNAVAILABLE, "the remote says: full"),
        (json_answer({"error": "late"}, 504), DEADLINE_EXCEEDED, "the remote says: late"),
    ],
)
def test_each_answer_that_is_none_is_a_precise_failure(
    answer: Response, code: str, said: str, remote: Remote
) -> None:
    with ServerThread(Script(DESCRIBED, ONE, answer)) as server:
        failure = remote(server.url, retries=0)()
    assert (failure.code, said in failure.message) == (code, True), failure


def test_what_fails_once_is_served_by_the_next_attempt() -> None:
    busy = json_answer({"error": "full"}, 503)
    with ServerThread(Script(DESCRIBED, ONE, busy, ONE)) as server:
        model = opened(f"{server.url}/v2/models/m", signature=SIGNATURE)
        [result] = model.infer([rows(1)], 256)
        assert isinstance(result, dict)
        model.unload()


def test_one_that_is_not_there_is_trouble_that_may_be_over() -> None:
    for uri in (f"{nobody()}/v2/models/m", f"{nobody()}/m".replace("http", "grpc")):
        with pytest.raises(LoadError) as error:
            opened(uri)
        assert error.value.failure.code == UNAVAILABLE
        assert "127.0.0.1" not in error.value.failure.message


def test_calls_wait_side_by_side_and_no_more_of_them_than_the_version_says() -> None:
    most = [0, 0]
    enough = threading.Event()

    async def slow(request: Request) -> Response:
        if not request.path.endswith("/infer"):
            return DESCRIBED
        most[0] += 1
        most[1] = max(most)
        if most[0] == 3:
            enough.set()
        while not enough.is_set():
            await asyncio.sleep(0.001)
        most[0] -= 1
        return ONE

    with ServerThread(slow) as server:
        enough.set()  # the warm-up goes alone
        model = opened(f"{server.url}/v2/models/m", signature=SIGNATURE, options={"connections": 3})
        enough.clear()
        results: list[object] = []
        asking = [
            threading.Thread(target=lambda: results.extend(model.infer([rows(1)], 256))) for _ in range(9)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(10)
        assert [type(result) for result in results] == [dict] * 9
        assert most == [0, 3]
        model.unload()


def test_a_remote_with_keys_is_given_the_one_that_the_pod_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_API_KEY", "secret")
    asked: list[str | None] = []
    site = Scene(plane=Doubles()).site

    async def noted(request: Request) -> Response:
        asked.append(request.headers.get("authorization"))
        return await site(request)

    with ServerThread(noted) as server:
        opened(f"{server.url}/v2/models/m", options={"key_env": "OTHER_API_KEY"}).unload()
    assert set(asked) == {"Bearer secret"}
