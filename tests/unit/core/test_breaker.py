from __future__ import annotations

import pytest

from pointsman.core.breaker import Breaker, State


def opened(now: float = 100.0) -> Breaker:
    """Return a breaker that opened at `now`, for a second."""
    breaker = Breaker(failures=3, first_s=1.0, longest_s=4.0)
    for _ in range(3):
        fail(breaker, now)
    return breaker


def state_of(breaker: Breaker) -> State:
    return breaker.state


def fail(breaker: Breaker, now: float) -> None:
    ticket = breaker.admit(now)
    assert ticket is not None
    breaker.failed(ticket, now)


def succeed(breaker: Breaker, now: float) -> None:
    ticket = breaker.admit(now)
    assert ticket is not None
    breaker.succeeded(ticket)


def test_a_closed_breaker_admits_any_number_of_calls() -> None:
    breaker = Breaker(failures=3)
    assert None not in [breaker.admit(0.0) for _ in range(100)]
    assert (breaker.state, breaker.wait_s(0.0)) == (State.CLOSED, 0.0)


def test_it_opens_after_so_many_failures_in_a_row_and_not_before() -> None:
    breaker = Breaker(failures=3)
    for _ in range(2):
        fail(breaker, 0.0)
    succeed(breaker, 0.0)
    for _ in range(2):
        fail(breaker, 0.0)
    assert state_of(breaker) is State.CLOSED
    fail(breaker, 0.0)
    assert (breaker.state, breaker.admit(0.5)) == (State.OPEN, None)


def test_an_open_breaker_says_for_how_long() -> None:
    assert opened(100.0).wait_s(100.25) == pytest.approx(0.75)


def test_after_its_time_one_call_is_let_through_and_no_other() -> None:
    breaker = opened(100.0)
    assert breaker.admit(100.9) is None
    assert breaker.admit(101.0) is not None
    assert (breaker.state, breaker.admit(101.0), breaker.admit(999.0)) == (State.HALF_OPEN, None, None)


def test_a_probe_that_succeeds_closes_it_and_the_count_begins_anew() -> None:
    breaker = opened(100.0)
    succeed(breaker, 101.0)
    assert state_of(breaker) is State.CLOSED
    for _ in range(2):
        fail(breaker, 102.0)
    assert state_of(breaker) is State.CLOSED


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_limit() -> None:
    breaker, now, waits = opened(100.0), 100.0, []
    for _ in range(4):
        now += breaker.wait_s(now)
        fail(breaker, now)
        waits.append(breaker.wait_s(now))
    assert waits == [2.0, 4.0, 4.0, 4.0]
    succeed(breaker, now + 4)
    for _ in range(3):
        fail(breaker, 200.0)
    assert breaker.wait_s(200.0) == 1.0


def test_a_probe_that_says_nothing_leaves_its_place_to_the_next_call() -> None:
    breaker = opened(100.0)
    ticket = breaker.admit(101.0)
    assert ticket is not None
    breaker.undecided(ticket)
    assert state_of(breaker) is State.OPEN
    succeed(breaker, 101.0)
    assert state_of(breaker) is State.CLOSED


def test_a_call_from_before_it_opened_says_nothing_of_the_present() -> None:
    breaker = Breaker(failures=1, first_s=1.0)
    early = [breaker.admit(100.0) for _ in range(3)]
    assert None not in early
    fail(breaker, 100.0)
    probe = breaker.admit(101.0)
    for ticket in early:
        assert ticket is not None
        breaker.failed(ticket, 101.0)
        breaker.succeeded(ticket)
        breaker.undecided(ticket)
    assert (breaker.state, breaker.wait_s(101.0)) == (State.HALF_OPEN, 0.0)
    assert probe is not None
    breaker.succeeded(probe)
    assert state_of(breaker) is State.CLOSED
