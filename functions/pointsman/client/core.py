"""What the clients of a gateway share, whatever they speak: checks, ids, and when to ask again.

A protocol is a subclass: it says how a question is put and how the answer is read. A client has the
conversations of its core over its own sockets, synchronously or not.
"""

from __future__ import annotations

import itertools
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import msgspec

from pointsman.client.about import Health, Metadata, ModelVersion
from pointsman.client.ask import Ask, check_name
from pointsman.client.insistence import Insistence, Setback, Talk
from pointsman.client.prediction import Prediction

Q = TypeVar("Q")
A = TypeVar("A")
T = TypeVar("T")


class Question(NamedTuple, Generic[Q, A, T]):
    """The request, given the seconds that are left, and what its answer comes to."""

    request: Callable[[float], Q]
    read: Callable[[A], T | Setback]


class Core(ABC, Generic[Q, A]):
    """Conversations with a gateway: each method returns one for a client to have, or raises Refused."""

    def __init__(self, retries: int, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        self._insistence = Insistence(retries, clock, chance)
        self._session = secrets.token_hex(8)
        self._numbers = itertools.count()

    def predict(self, ask: Ask, timeout: float) -> Talk[Q, A, Prediction]:
        """Return the answer of a model; every attempt has the same id."""
        _check(ask.model, ask.version)
        if ask.label:
            check_name("label", ask.label)
        request, read = self._inference(self.identified(ask))
        return self._insistence.talk(ask.model, request, read, timeout)

    def models(self, timeout: float) -> Talk[Q, A, list[ModelVersion]]:
        """Return the versions that the key may see."""
        request, read = self._index()
        return self._insistence.talk("the index of models", request, read, timeout)

    def metadata(self, model: str, version: str, timeout: float) -> Talk[Q, A, Metadata]:
        """Return what a model takes and gives."""
        _check(model, version)
        request, read = self._metadata(model, version)
        return self._insistence.talk(model, request, read, timeout)

    def ready(self, model: str, version: str, timeout: float) -> Talk[Q, A, bool]:
        """Return whether a model takes requests; False too where it is unknown."""
        _check(model, version)
        request, read = self._readiness(model, version)
        return self._insistence.talk(model, request, read, timeout, insists=False)

    def health(self, timeout: float) -> Talk[Q, A, Health]:
        """Return whether the server answers, and has requests answered."""
        request, read = self._health()
        return self._insistence.talk("the server", request, read, timeout, insists=False)

    def identified(self, ask: Ask) -> Ask:
        """Return the request with an id of this client's own where it has none."""
        return ask if ask.id else msgspec.structs.replace(ask, id=f"{self._session}-{next(self._numbers)}")

    @abstractmethod
    def _inference(self, ask: Ask) -> Question[Q, A, Prediction]: ...

    @abstractmethod
    def _index(self) -> Question[Q, A, list[ModelVersion]]: ...

    @abstractmethod
    def _metadata(self, model: str, version: str) -> Question[Q, A, Metadata]: ...

    @abstractmethod
    def _readiness(self, model: str, version: str) -> Question[Q, A, bool]: ...

    @abstractmethod
    def _health(self) -> Question[Q, A, Health]: ...


def _check(model: str, version: str) -> None:
    check_name("model", model)
    if version:
        check_name("version", version)
