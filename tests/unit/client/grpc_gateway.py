"""The gateway's own gRPC doors on a socket, and both gRPC clients before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pointsman.client.grpc import AsyncGrpcClient, GrpcClient
from pointsman.client.prediction import Prediction
from pointsman.errors import Failure
from pointsman.gateway.call import Call
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.response import error_to_pb
from tests.unit.gateway.grpc.doors import answer_to, served

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


class Moody:
    """A plane that fails so often, in this order, before it answers; keeps what it was asked."""

    def __init__(self, *failures: Failure) -> None:
        self.calls: list[Call] = []
        self._failures = list(failures)

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        self.calls.append(call)
        if self._failures:
            return pb.InferenceResponse(model=call.model, error=error_to_pb(self._failures.pop(0)))
        return answer_to(call)


class Time:
    """Passes in sleeps alone, which it keeps. For the arguments of a client of this kind."""

    def __init__(self, kind: str, chance: float = 1.0) -> None:
        self.slept: list[float] = []
        self.now = 1000.0
        sleep: Any = self._sleep if kind == "sync" else self._nap
        self.arguments = {"clock": lambda: self.now, "sleep": sleep, "chance": lambda: chance}

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def _nap(self, seconds: float) -> None:
        self._sleep(seconds)


async def asked(kind: str, url: str, act: Callable[[Any], Any], **options: Any) -> Any:
    """Return what `act` returns for a client of this kind."""
    if kind == "async":
        async with AsyncGrpcClient(url, **options) as client:
            return await act(client)

    def ask() -> Any:
        with GrpcClient(url, **options) as client:
            return act(client)

    return await asyncio.to_thread(ask)


def told(story: Coroutine[Any, Any, Any]) -> Any:
    """Return what comes of a story; one that hangs fails."""
    return asyncio.run(asyncio.wait_for(story, 20))


def before(plane: Any, kind: str, act: Callable[[Any], Any], served_with: Any = None, **options: Any) -> Any:
    """Return what a client of this kind gets of a gateway with this plane."""

    async def story() -> Any:
        async with served(plane, **(served_with or {})) as (server, _):
            return await asked(kind, f"grpc://127.0.0.1:{server.port}", act, **options)

    return told(story())


def all_of(requests: Any, into: list[Prediction] | None = None, **options: Any) -> Any:
    """Return what reads a stream to its end with a client of either kind; answers go to `into` as well."""
    found: list[Prediction] = [] if into is None else into

    def act(client: Any) -> Any:
        if isinstance(client, AsyncGrpcClient):
            return read(client)
        found.extend(client.stream(requests, **options))
        return found

    async def read(client: AsyncGrpcClient) -> list[Prediction]:
        async for prediction in client.stream(requests, **options):
            found.append(prediction)  # noqa: PERF401 - what came before an error counts
        return found

    return act
