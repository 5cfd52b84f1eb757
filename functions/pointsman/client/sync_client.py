"""A synchronous client of a gateway, whatever it speaks: what is asked, sleep and time around a core."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
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


class SyncClient(ABC, Generic[Q, A]):
    """Use it as a context manager. Threads may share it."""

    def __init__(self, core: Core[Q, A], sleep: Callable[[float], None]) -> None:
        self._core = core
        self._sleep = sleep
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_open = False
        self._close()

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

    def _have(self, talk: Talk[Q, A, T]) -> T:
        step: Send[Q] | Wait | Done[T] = advance(talk, None)
        while not isinstance(step, Done):
            if isinstance(step, Wait):
                self._sleep(step.seconds)
                step = advance(talk, None)
            else:
                self._check_open()
                with self._closing_is_an_error():
                    step = advance(talk, self._exchange(step))
        return step.result

    @contextlib.contextmanager
    def _closing_is_an_error(self) -> Iterator[None]:
        """Raise ClientError for what the libraries raise where another thread has just closed the client."""
        try:
            yield
        except (ValueError, RuntimeError):
            self._check_open()
            raise

    def _check_open(self) -> None:
        if not self._is_open:
            raise ClientError("the client is closed: use it in `with`")

    @abstractmethod
    def _exchange(self, step: Send[Q]) -> A | Setback | Late:
        """Send a request and return what comes of it within its time."""

    @abstractmethod
    def _close(self) -> None:
        """Close the sockets."""
