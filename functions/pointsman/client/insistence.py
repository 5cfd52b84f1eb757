"""Asking again: when, how often and for how long. No input or output: it yields what is to be done.

A conversation yields `Send` and `Wait`, is sent what came of them, and returns its result or raises a
ClientError; `advance` drives it. So one serves a synchronous client and an asynchronous one, over any
protocol.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from pointsman.errors import ClientError, SettingsError, TimedOut

Q = TypeVar("Q")
A = TypeVar("A")
T = TypeVar("T")

# The pause before attempt n + 1 is drawn from 0 to FIRST_S * 2**n, at most MOST_S ("full jitter"): clients
# that were refused together do not come back together.
FIRST_S: Final = 0.1
MOST_S: Final = 2.0
# What a socket's timeout and the header of milliseconds both have room for: eleven days.
LONGEST_S: Final = 999_999.0


class Send(NamedTuple, Generic[Q]):
    """Send a request and wait so many seconds for the answer."""

    request: Q
    timeout: float


class Wait(NamedTuple):
    """Let so many seconds pass."""

    seconds: float


class Late(NamedTuple):
    """What came of a Send: no answer in its time."""


class Setback(NamedTuple):
    """Why there is no result yet: `error`, which is raised unless another attempt may mend it.

    `after` is the seconds that the other side asks for before the next one.
    """

    error: ClientError
    retryable: bool = False
    after: float = 0.0


Talk: TypeAlias = Generator[Send[Q] | Wait, A | Setback | Late | None, T]


class Done(msgspec.Struct, Generic[T], frozen=True):
    """The result of a conversation."""

    result: T


def advance(talk: Talk[Q, A, T], came: A | Setback | Late | None) -> Send[Q] | Wait | Done[T]:
    """Return what is to be done next. `came` is what came of a Send, else None. Raises ClientError."""
    try:
        return talk.send(came)
    except StopIteration as end:
        return Done(end.value)


class Insistence:
    """Asks again where that may help, at most `retries` times, never beyond the deadline."""

    def __init__(self, retries: int, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        if retries < 0:
            raise SettingsError(f"retries is {retries}; it must be 0 or more")
        self._retries = retries
        self._clock = clock
        self._chance = chance

    def talk(
        self,
        what: str,
        request: Callable[[float], Q],
        read: Callable[[A], T | Setback],
        timeout: float,
        *,
        insists: bool = True,
    ) -> Talk[Q, A, T]:
        """Return what `read` makes of the answer.

        `request` is given the seconds that are left; `what` is who is asked, for messages. Raises TimedOut
        after `timeout` seconds, and the last setback's error where asking again is over or would be too late.
        """
        deadline = self._clock() + min(timeout, LONGEST_S)
        for attempt in range(self._retries + 1 if insists else 1):
            left = deadline - self._clock()
            if not left > 0:
                break
            outcome = _outcome((yield Send(request(left), left)), read)
            if not isinstance(outcome, Setback | Late):
                return outcome
            if isinstance(outcome, Late):
                break
            pause = outcome.after + self._pause(attempt)
            is_last = not insists or attempt == self._retries
            if is_last or not outcome.retryable or self._clock() + pause >= deadline:
                raise outcome.error
            yield Wait(pause)
        raise TimedOut(f"no answer from {what} within {timeout:g} s")

    def _pause(self, attempt: int) -> float:
        return self._chance() * min(MOST_S, math.ldexp(FIRST_S, min(attempt, 30)))


def _outcome(said: A | Setback | Late | None, read: Callable[[A], T | Setback]) -> T | Setback | Late:
    assert said is not None, "a Send is followed by what came of it"
    return said if isinstance(said, Setback | Late) else read(said)
