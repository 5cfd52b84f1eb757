"""The asynchronous HTTP client: sockets, sleep and time around the core."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Self, TypeVar

import httpx

from pointsman.client.about import Health, Metadata, ModelVersion
from pointsman.client.ask import ask_of
from pointsman.client.http_answer import HttpAnswer
from pointsman.client.http_core import HttpCore, HttpRequest, HttpStep, HttpTalk
from pointsman.client.http_line import LIMITS, HttpLine, Verify, key_of, trust_of
from pointsman.client.insistence import Done, Late, Send, Setback, Wait, advance
from pointsman.client.prediction import Inputs, Prediction
from pointsman.errors import ClientError

T = TypeVar("T")


class AsyncHttpClient:
    """Use it as an asynchronous context manager, in one event loop. All else is as of HttpClient."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        retries: int = 3,
        verify: Verify = True,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._core = HttpCore(key_of(key), retries, clock, chance)
        self._line = HttpLine(url)
        self._sleep = sleep
        self._http = httpx.AsyncClient(verify=trust_of(verify), limits=LIMITS, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._http.aclose()

    async def predict(
        self,
        model: str,
        inputs: Inputs,
        *,
        version: str | None = None,
        label: str | None = None,
        unit: str | None = None,
        id: str | None = None,  # noqa: A002 - the protocol's name
        timeout: float = 10.0,
    ) -> Prediction:
        """Return the answer of a model; see HttpClient."""
        return await self._have(self._core.predict(ask_of(model, inputs, version, label, unit, id), timeout))

    async def models(self, *, timeout: float = 10.0) -> list[ModelVersion]:
        """Return the versions of all models; see HttpClient."""
        return await self._have(self._core.models(timeout))

    async def metadata(self, model: str, *, version: str | None = None, timeout: float = 10.0) -> Metadata:
        """Return what a model takes and gives; see HttpClient."""
        return await self._have(self._core.metadata(model, version or "", timeout))

    async def ready(self, model: str, *, version: str | None = None, timeout: float = 10.0) -> bool:
        """Return whether a model takes requests; see HttpClient."""
        return await self._have(self._core.ready(model, version or "", timeout))

    async def health(self, *, timeout: float = 10.0) -> Health:
        """Return whether the server has requests answered; see HttpClient."""
        return await self._have(self._core.health(timeout))

    async def _have(self, talk: HttpTalk[T]) -> T:
        step: HttpStep[T] = advance(talk, None)
        while not isinstance(step, Done):
            if isinstance(step, Wait):
                await self._sleep(step.seconds)
                step = advance(talk, None)
            else:
                step = advance(talk, await self._exchange(step))
        return step.result

    async def _exchange(self, step: Send[HttpRequest]) -> HttpAnswer | Setback | Late:
        if self._http.is_closed:
            raise ClientError("the client is closed: use it in `async with`")
        response: httpx.Response | None = None
        try:
            async with asyncio.timeout(step.timeout):
                response = await self._http.send(self._line.request(step), stream=True)
                return HttpAnswer(response.status_code, response.headers, await response.aread())
        except TimeoutError:
            return Late()
        except httpx.HTTPError as error:
            return self._line.setback(error, has_begun=response is not None)
        finally:
            if response is not None:
                await response.aclose()
