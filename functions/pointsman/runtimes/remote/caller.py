"""Calls to one remote: so many at once, tried again within their time, and none while it is down."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from pointsman.core.breaker import Breaker, State
from pointsman.errors import UNAVAILABLE
from pointsman.runtimes.remote.options import Options
from pointsman.runtimes.remote.trouble import Trouble, Unsent

T = TypeVar("T")
Attempt = Callable[[float], T]

# The pause before attempt n + 1 is drawn from 0 to FIRST_S * 2**n, at most MOST_S.
FIRST_S: Final = 0.05
MOST_S: Final = 1.0
# A call whose sender left it less than this, or than twice what answers usually take, says nothing about the
# remote when it is late.
FAIR_S: Final = 0.1
_WEIGHT: Final = 0.1  # of the last answer in what is usual


class Caller:
    """What stands before a remote. Its methods may be called on any thread."""

    def __init__(
        self,
        options: Options,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._retries = options.retries
        self._clock = clock
        self._chance = chance
        self._breaker = breaker or Breaker()
        self._lock = threading.Lock()  # of the breaker
        self._free = threading.BoundedSemaphore(options.connections)
        self._closed = threading.Event()
        self._usual_s = 0.0

    @property
    def state(self) -> State:
        """The breaker's state."""
        with self._lock:
            return self._breaker.state

    def call(self, attempt: Attempt[T], until: float) -> T:
        """Return what `attempt` returns, given the seconds that it has; raises Trouble or Unsent.

        `until` is on the caller's clock. An open breaker is trouble at once.
        """
        number = 0
        while True:
            try:
                return self._once(attempt, until)
            except Trouble as trouble:
                pause = max(trouble.after_s, self._chance() * min(MOST_S, FIRST_S * 2**number))
                is_over = number >= self._retries or self._clock() + pause >= until
                if not trouble.is_retryable or is_over or self._closed.wait(pause):
                    raise
            number += 1

    def close(self) -> None:
        """End all pauses; who waits in one gets the trouble it had."""
        self._closed.set()

    def _once(self, attempt: Attempt[T], until: float) -> T:
        if not self._free.acquire(timeout=max(0.0, until - self._clock())):
            raise Unsent
        try:
            return self._counted(attempt, until)
        finally:
            self._free.release()

    def _counted(self, attempt: Attempt[T], until: float) -> T:
        began = self._clock()
        if began >= until:
            raise Unsent
        with self._lock:
            ticket = self._breaker.admit(began)
            wait_s = self._breaker.wait_s(began)
        if ticket is None:
            again = f"; it is asked again in {wait_s:.1f} s" if wait_s else ""
            raise Trouble(UNAVAILABLE, f"the remote did not answer lately{again}")
        is_up: bool | None = None
        try:
            result = attempt(until - began)
            is_up = True
            self._usual_s += _WEIGHT * (self._clock() - began - self._usual_s)
            return result
        except Trouble as trouble:
            is_fair = trouble.is_retryable or until - began >= max(FAIR_S, 2 * self._usual_s)
            is_up = not trouble.is_down if is_fair else None
            raise
        finally:
            self._note(ticket, is_up)

    def _note(self, ticket: int, is_up: bool | None) -> None:
        with self._lock:
            if is_up is None:
                self._breaker.undecided(ticket)
            elif is_up:
                self._breaker.succeeded(ticket)
            else:
                self._breaker.failed(ticket, self._clock())
