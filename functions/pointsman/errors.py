"""Failures as values, and the exceptions that exist at the edges.

A failure that a request, a command or a model can cause is a `Failure` value and ends in an answer.
Exceptions are for programs that cannot go on:

    PointsmanError
    ├── SettingsError      a setting is missing or malformed
    ├── StackError         a process of the local stack did not start or died
    ├── LoadError          a version cannot be loaded (carries a Failure)
    ├── NewerRelease       a newer release wrote this state, table or message
    └── ClientError        a client call ended without an answer
        ├── Refused        the answer is a Failure
        └── TimedOut       no answer within the client's time
"""

from __future__ import annotations

from typing import Final

import msgspec

INVALID_ARGUMENT: Final = "INVALID_ARGUMENT"
UNAUTHENTICATED: Final = "UNAUTHENTICATED"
PERMISSION_DENIED: Final = "PERMISSION_DENIED"
NOT_FOUND: Final = "NOT_FOUND"
FAILED_PRECONDITION: Final = "FAILED_PRECONDITION"
UNAVAILABLE: Final = "UNAVAILABLE"
DEADLINE_EXCEEDED: Final = "DEADLINE_EXCEEDED"
RESOURCE_EXHAUSTED: Final = "RESOURCE_EXHAUSTED"
ABORTED: Final = "ABORTED"
ALREADY_EXISTS: Final = "ALREADY_EXISTS"  # and is another than what was sent
OUT_OF_RANGE: Final = "OUT_OF_RANGE"  # larger than what is taken here
INTERNAL: Final = "INTERNAL"

CODES: Final = frozenset(
    {
        INVALID_ARGUMENT,
        UNAUTHENTICATED,
        PERMISSION_DENIED,
        NOT_FOUND,
        FAILED_PRECONDITION,
        UNAVAILABLE,
        DEADLINE_EXCEEDED,
        RESOURCE_EXHAUSTED,
        ABORTED,
        ALREADY_EXISTS,
        OUT_OF_RANGE,
        INTERNAL,
    }
)
RETRYABLE: Final = frozenset({UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED})


class Failure(msgspec.Struct, frozen=True):
    """Why a request or a command has no result.

    `code` is a canonical gRPC code name; `field` names the offending part of the input, if one is to
    blame. `message` is a sentence for the sender: it holds no traceback, path or secret.
    """

    code: str
    message: str
    field: str = ""

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in RETRYABLE


class Throttled(Failure, frozen=True):
    """A failure that says when to come again: in `retry_after_ms` at the earliest, 0 where nobody knows.

    Only doors make it. The field is no part of `Failure`, whose fields are those of the topics' records.
    """

    retry_after_ms: int = 0


def wait_ms_of(failure: Failure) -> int:
    """Return the milliseconds after which to come again, 0 where nobody says."""
    return failure.retry_after_ms if isinstance(failure, Throttled) else 0


class PointsmanError(Exception):
    """Root of the tree above."""


class SettingsError(PointsmanError):
    """A setting is missing or malformed."""


class StackError(PointsmanError):
    """A process of the local stack did not start or died."""


class LoadError(PointsmanError):
    """A version cannot be loaded; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class NewerRelease(PointsmanError):
    """A newer release wrote this; only code as new may read it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: a newer release must read it")


class ClientError(PointsmanError):
    """A client call ended without a result."""


class Refused(ClientError):
    """The answer is a failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.code}: {failure.message}")
        self.failure = failure


class TimedOut(ClientError):
    """No answer came within the client's time."""
