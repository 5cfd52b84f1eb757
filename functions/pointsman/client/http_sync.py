"""The synchronous HTTP client: sockets, sleep and time around the core."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
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


class HttpClient:
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
        self._core = HttpCore(key_of(key), retries, clock, chance)
        self._line = HttpLine(url)
        self._clock = clock
        self._sleep = sleep
        self._http = httpx.Client(verify=trust_of(verify), limits=LIMITS, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.close()

    def predict(
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
        """Return the answer of a model.

        `unit` keeps to one version under a sticky split. Raises Refused with the answered failure, TimedOut
        after `timeout` seconds, which is the request's deadline for the servers as well, and ClientError
        where no server answers.
        """
        return self._have(self._core.predict(ask_of(model, inputs, version, label, unit, id), timeout))

    def models(self, *, timeout: float = 10.0) -> list[ModelVersion]:
        """Return the versions of all models that the key may see, with their states."""
        return self._have(self._core.models(timeout))

    def metadata(self, model: str, *, version: str | None = None, timeout: float = 10.0) -> Metadata:
        """Return what a model takes and gives. Raises Refused for an unknown one."""
        return self._have(self._core.metadata(model, version or "", timeout))

    def ready(self, model: str, *, version: str | None = None, timeout: float = 10.0) -> bool:
        """Return whether a model takes requests; False too where it is unknown. Asks once."""
        return self._have(self._core.ready(model, version or "", timeout))

    def health(self, *, timeout: float = 10.0) -> Health:
        """Return whether the server has requests answered. Asks once; ClientError where nothing answers."""
        return self._have(self._core.health(timeout))

    def _have(self, talk: HttpTalk[T]) -> T:
        step: HttpStep[T] = advance(talk, None)
        while not isinstance(step, Done):
            if isinstance(step, Wait):
                self._sleep(step.seconds)
                step = advance(talk, None)
            else:
                step = advance(talk, self._exchange(step))
        return step.result

    def _exchange(self, step: Send[HttpRequest]) -> HttpAnswer | Setback | Late:
        if self._http.is_closed:
            raise ClientError("the client is closed: use it in `with`")
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
