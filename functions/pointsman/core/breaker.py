"""A circuit breaker: whoever does not answer is left alone for a while, then tried by one call."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """CLOSED -> OPEN -> HALF_OPEN -> CLOSED | OPEN."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Breaker:
    """Opens after `failures` calls in a row that failed, for `first_s` seconds.

    Then one call is let through. If it fails the breaker opens for twice as long, `longest_s` at most; if it
    succeeds the breaker closes. A call is known by the ticket that admitted it; one from before the breaker
    opened last says nothing about the present.
    """

    def __init__(self, failures: int = 5, first_s: float = 1.0, longest_s: float = 30.0) -> None:
        self._most = failures
        self._first_s = self._pause_s = first_s
        self._longest_s = longest_s
        self._failures = 0
        self._ticket = 0
        self._until: float | None = None  # open until then; None: closed
        self._is_probing = False

    @property
    def state(self) -> State:
        """The state; an open breaker whose time is over is open until a call comes."""
        if self._until is None:
            return State.CLOSED
        return State.HALF_OPEN if self._is_probing else State.OPEN

    def admit(self, now: float) -> int | None:
        """Return a ticket for a call, of which `succeeded`, `failed` or `undecided` is told; None: none."""
        if self._until is None:
            return self._ticket
        if self._is_probing or now < self._until:
            return None
        self._is_probing = True
        return self._ticket

    def wait_s(self, now: float) -> float:
        """Return the seconds for which no call is let through; 0 where the next one may be."""
        return 0.0 if self._until is None else max(0.0, self._until - now)

    def succeeded(self, ticket: int) -> None:
        """Take in that a call was answered."""
        if ticket != self._ticket:
            return
        self._failures = 0
        if self._is_probing:
            self._until, self._is_probing, self._pause_s = None, False, self._first_s

    def failed(self, ticket: int, now: float) -> None:
        """Take in that a call had no answer."""
        if ticket != self._ticket:
            return
        self._failures += 1
        if self._is_probing:
            self._pause_s = min(self._longest_s, 2 * self._pause_s)
        elif self._failures < self._most:
            return
        self._until, self._is_probing = now + self._pause_s, False
        self._ticket += 1

    def undecided(self, ticket: int) -> None:
        """Take in that a call ended without a word on the other side: the next one may be the probe."""
        if ticket == self._ticket:
            self._is_probing = False
