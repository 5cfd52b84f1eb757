"""Failures as HTTP."""

from __future__ import annotations

import pytest

from pointsman.errors import CODES, RESOURCE_EXHAUSTED, UNAUTHENTICATED, UNAVAILABLE, Failure, Throttled
from pointsman.gateway.http_errors import STATUSES, answer_to, headers_of, status_of


def test_every_code_has_a_status_and_no_other_has_one() -> None:
    assert set(STATUSES) == CODES


@pytest.mark.parametrize("code", ["", "NEW_IN_A_LATER_RELEASE"])
def test_a_code_that_is_not_ours_is_our_fault(code: str) -> None:
    assert status_of(code) == 500


def test_only_what_may_succeed_later_says_too_many_requests() -> None:
    assert status_of(RESOURCE_EXHAUSTED) == 429
    assert status_of(RESOURCE_EXHAUSTED, retryable=False) == 400


@pytest.mark.parametrize(
    ("wait_ms", "seconds"), [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (59_999, "60")]
)
def test_the_wait_is_in_whole_seconds_and_never_too_short(wait_ms: int, seconds: str) -> None:
    throttled = Throttled(RESOURCE_EXHAUSTED, "slowly", retry_after_ms=wait_ms)
    assert answer_to(throttled) == (429, {"retry-after": seconds})


def test_a_missing_key_names_the_scheme_and_what_is_away_when_to_come_again() -> None:
    bearer = {"www-authenticate": 'Bearer realm="pointsman"'}
    assert answer_to(Failure(UNAUTHENTICATED, "no key")) == (401, bearer)
    assert answer_to(Failure(UNAVAILABLE, "away")) == (503, {"retry-after": "1"})


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 504])
def test_other_statuses_need_no_header(status: int) -> None:
    assert headers_of(status, 5_000) == {}
