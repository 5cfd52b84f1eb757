"""The asynchronous HTTP client: its sockets."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import httpx

from pointsman.client.async_client import AsyncClient
from pointsman.client.headers import key_of
from pointsman.client.http_answer import HttpAnswer
from pointsman.client.http_core import HttpCore, HttpRequest
from pointsman.client.http_line import LIMITS, HttpLine, Verify, trust_of
from pointsman.client.insistence import Late, Send, Setback


class AsyncHttpClient(AsyncClient[HttpRequest, HttpAnswer]):
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
        super().__init__(HttpCore(key_of(key), retries, clock, chance), sleep)
        self._line = HttpLine(url)
        self._http = httpx.AsyncClient(verify=trust_of(verify), limits=LIMITS, transport=transport)

    async def _close(self) -> None:
        await self._http.aclose()

    async def _exchange(self, step: Send[HttpRequest]) -> HttpAnswer | Setback | Late:
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
