"""A gateway in memory, and both HTTP clients before it, with a clock that only they move."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from pointsman.client.http import AsyncHttpClient, HttpClient
from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_request import read_request
from pointsman.wire.oip_response import write_response

LENGTH = "Inference-Header-Content-Length"
DECISION = {
    "x-pointsman-version": "2", "x-pointsman-arm": "b", "x-pointsman-epoch": "7",
    "x-pointsman-decision": "d", "x-pointsman-attempt": "1",
}  # fmt: skip

Handler = Callable[[httpx.Request], httpx.Response]


def echo(request: httpx.Request) -> httpx.Response:
    """Answer an inference with the tensors that came, read and written as the gateway does it."""
    length = request.headers.get(LENGTH)
    read = read_request(request.read(), None if length is None else int(length))
    if isinstance(read, Failure):
        return httpx.Response(400, json={"error": read.message})
    answer = pb.InferenceResponse(model="m", version="2", outputs=pb.Tensors(tensors=read.tensors))
    written = write_response(answer, read)
    assert not isinstance(written, Failure)
    more = {} if written.json_length is None else {LENGTH: str(written.json_length)}
    return httpx.Response(200, headers={**DECISION, **more}, content=written.body)


class Gateway:
    """Hands requests to a handler and remembers them. Time passes in sleeps, and where a test moves it."""

    def __init__(self, handler: Handler = echo, chance: float = 1.0) -> None:
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []
        self.now = 1000.0
        self._handler = handler
        self._chance = chance

    def ask(self, kind: str, act: Callable[[Any], Any], **options: Any) -> Any:
        """Return what `act` returns for a client of this kind, `sync` or `async`."""
        transport = httpx.MockTransport(self._handle)
        timing: Mapping[str, Any] = {"clock": lambda: self.now, "chance": lambda: self._chance}
        if kind == "sync":
            with HttpClient(
                "http://gateway", transport=transport, sleep=self._sleep, **timing, **options
            ) as client:
                return act(client)

        async def asked() -> Any:
            async with AsyncHttpClient(
                "http://gateway", transport=transport, sleep=self._nap, **timing, **options
            ) as client:
                answer: Awaitable[Any] = act(client)
                return await answer

        return asyncio.run(asked())

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._handler(request)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def _nap(self, seconds: float) -> None:
        self._sleep(seconds)


def in_turn(*answers: httpx.Response | Exception) -> Handler:
    """Return a handler that gives or raises these, one after the other."""
    rest = iter(answers)

    def handle(_: httpx.Request) -> httpx.Response:
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handle
