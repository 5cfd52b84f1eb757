"""An asynchronous client of a gateway, whatever it speaks: what is asked, sleep and time around a core."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Generic, Self, TypeVar

from pointsman.client.about import Health, Metadata, ModelVersion
from pointsman.client.ask import ask_of
from pointsman.client.core import Core
from pointsman.client.insistence import Done, Late, Send, Setback, Talk, Wait, advance
from pointsman.client.prediction import Inputs, Prediction
from pointsman.errors import ClientError

Q = TypeVar("Q")
A = TypeVar("A")
T = TypeVar("T")


class AsyncClient(ABC, Generic[Q, A]):
    """Use it as an asynchronous context manager, in one event loop. All else is as of SyncClient."""

    def __init__(self, core: Core[Q, A], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._core = core
        self._sleep = sleep
        self._is_open = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._is_open = False
        await self._close()

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
        """Return the answer of a model; see SyncClient."""
        return await self._have(self._core.predict(ask_of(model, inputs, version, label, unit, id), timeout))

    async def models(self, *, timeout: float = 10.0) -> list[ModelVersion]:
        """Return the versions of all models; see SyncClient."""
        return await self._have(self._core.models(timeout))

    async def metadata(self, model: str, *, version: str | None = None, timeout: float = 10.0) -> Metadata:
        """Return what a model takes and gives; see SyncClient."""
        return await self._have(self._core.metadata(model, version or "", timeout))

    async def ready(self, model: str, *, version: str | None = None, timeout: float = 10.0) -> bool:
        """Return whether a model takes requests; see SyncClient."""
        return await self._have(self._core.ready(model, version or "", timeout))

    async def health(self, *, timeout: float = 10.0) -> Health:
        """Return whether the server has requests answered; see SyncClient."""
        return await self._have(self._core.health(timeout))

    async def _have(self, talk: Talk[Q, A, T]) -> T:
        step: Send[Q] | Wait | Done[T] = advance(talk, None)
        while not isinstance(step, Done):
            if isinstance(step, Wait):
                await self._sleep(step.seconds)
                step = advance(talk, None)
            else:
                self._check_open()
                step = advance(talk, await self._exchange(step))
        return step.result

    def _check_open(self) -> None:
        if not self._is_open:
            raise ClientError("the client is closed: use it in `async with`")

    @abstractmethod
    async def _exchange(self, step: Send[Q]) -> A | Setback | Late:
        """Send a request and return what comes of it within its time."""

    @abstractmethod
    async def _close(self) -> None:
        """Close the sockets."""
