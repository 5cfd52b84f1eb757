"""Failures as HTTP statuses and headers, for every door that speaks HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pointsman.errors import (
    ABORTED,
    ALREADY_EXISTS,
    DEADLINE_EXCEEDED,
    FAILED_PRECONDITION,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    OUT_OF_RANGE,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Failure,
    wait_ms_of,
)

STATUSES: Final[Mapping[str, int]] = {
    INVALID_ARGUMENT: 400,
    UNAUTHENTICATED: 401,
    PERMISSION_DENIED: 403,
    NOT_FOUND: 404,
    # Not 409: clients try that again by themselves, and here somebody must mend something first.
    FAILED_PRECONDITION: 400,
    ABORTED: 409,
    ALREADY_EXISTS: 409,
    RESOURCE_EXHAUSTED: 429,
    INTERNAL: 500,
    UNAVAILABLE: 503,
    DEADLINE_EXCEEDED: 504,
    OUT_OF_RANGE: 413,
}


def status_of(code: str, *, retryable: bool = True) -> int:
    """Return the status of a failure's code; 500 for one that is not ours.

    `retryable` is the answer's own word. Clients repeat a 429 whatever it says, so RESOURCE_EXHAUSTED that is
    final is 400: the request asks for more than there will ever be.
    """
    if code == RESOURCE_EXHAUSTED and not retryable:
        return 400
    return STATUSES.get(code, 500)


def headers_of(status: int, retry_after_ms: int = 0) -> dict[str, str]:
    """Return the headers that belong to a status, names in lower case.

    401 names the scheme, 429 and 503 the whole seconds after which to ask again: rounded up, and 1 where
    nobody knows better.
    """
    if status == 401:
        return {"www-authenticate": 'Bearer realm="pointsman"'}
    if status not in (429, 503):
        return {}
    return {"retry-after": str(max(1, -(-retry_after_ms // 1000)))}


def answer_to(failure: Failure) -> tuple[int, dict[str, str]]:
    """Return the status and headers of a failure that the gateway itself found."""
    status = status_of(failure.code)
    return status, headers_of(status, wait_ms_of(failure))
