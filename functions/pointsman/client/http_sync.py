"""The synchronous HTTP client: its sockets."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import httpx

from pointsman.client.headers import key_of
from pointsman.client.http_answer import HttpAnswer
from pointsman.client.http_core import HttpCore, HttpRequest
from pointsman.client.http_line import LIMITS, HttpLine, Verify, trust_of
from pointsman.client.insistence import Late, Send, Setback
from pointsman.client.sync_client import SyncClient


class HttpClient(SyncClient[HttpRequest, HttpAnswer]):
    """Use it as a context manager. Threads may share it.

    `key` is an API key, None: that of POINTSMAN_KEY. `verify` is False, the PEM file of roots to trust, or an
    SSLContext, as client certificates need it. `clock`, `sleep`, `chance` and `transport` are for tests.
    Raises SettingsError for arguments that cannot be.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        retries: int = 3,
        verify: Verify = True,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(HttpCore(key_of(key), retries, clock, chance), sleep)
        self._line = HttpLine(url)
        self._clock = clock
        self._http = httpx.Client(verify=trust_of(verify), limits=LIMITS, transport=transport)

    def _close(self) -> None:
        self._http.close()

    def _exchange(self, step: Send[HttpRequest]) -> HttpAnswer | Setback | Late:
        limit = self._clock() + step.timeout
        response: httpx.Response | None = None
        try:
            response = self._http.send(self._line.request(step), stream=True)
            body = b"".join(self._until(limit, response.iter_bytes()))
            return HttpAnswer(response.status_code, response.headers, body)
        except httpx.HTTPError as error:
            return self._line.setback(error, has_begun=response is not None)
        finally:
            if response is not None:
                response.close()

    def _until(self, limit: float, parts: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the parts that come in time: httpx bounds the wait for each, not for all."""
        for part in parts:
            yield part
            if self._clock() > limit:
                raise httpx.ReadTimeout("the answer comes too slowly")
