"""Why a remote gave no answer, and what that means for the next attempt and for the breaker."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pointsman.errors import (
    DEADLINE_EXCEEDED,
    FAILED_PRECONDITION,
    INTERNAL,
    INVALID_ARGUMENT,
    OUT_OF_RANGE,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    Failure,
)
from pointsman.runtimes.base import one_line
from pointsman.wire.malformed import UNREADABLE

# What the version's author or the remote's operator must mend: no sender can.
_UNMENDED: Final = frozenset({401, 402, 403, 404, 405, 407, 410, 501})
_CODES: Final = {
    408: UNAVAILABLE,
    413: OUT_OF_RANGE,
    429: RESOURCE_EXHAUSTED,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
    504: DEADLINE_EXCEEDED,
}
_DOWN: Final = frozenset({502, 503, 504})


class Trouble(Exception):
    """No answer. `failure` is what the senders are told.

    `is_down` says that the remote did not do its part at all, `is_retryable` that it may at once, `after_s`
    not before when, and `is_ours` that what was sent is to blame: fewer requests in a call may do.
    `status` is that of HTTP, 0 where there is none.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        is_down: bool = False,
        is_retryable: bool = False,
        is_ours: bool = False,
        after_s: float = 0.0,
        status: int = 0,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(code, one_line(message))
        self.is_down = is_down
        self.is_retryable = is_retryable
        self.is_ours = is_ours
        self.after_s = after_s
        self.status = status


class Unsent(Exception):
    """The time was over before a connection was free: nothing is known of the remote."""


def late(seconds: float) -> Trouble:
    """Return the trouble of an answer that did not come in time."""
    return Trouble(DEADLINE_EXCEEDED, f"the remote did not answer within {seconds:.3g} s", is_down=True)


def unreached(reason: str) -> Trouble:
    """Return the trouble of a connection that failed or was cut."""
    return Trouble(UNAVAILABLE, f"the remote cannot be reached: {reason}", is_down=True, is_retryable=True)


def oversized(limit: int) -> Trouble:
    """Return the trouble of an answer that is too large."""
    return Trouble(INTERNAL, f"the remote's answer is over {limit} bytes (the setting `remote_bytes`)")


def unreadable(failure: Failure) -> Trouble:
    """Return the trouble of an answer that is none of the protocol's."""
    return Trouble(INTERNAL, f"the remote's answer cannot be read: {failure.message}")


def of_status(status: int, body: bytes, after_s: float) -> Trouble:
    """Return the trouble of an HTTP status other than 200."""
    said = _said(body) or f"HTTP {status} without a reason"
    if 300 <= status < 400:
        return Trouble(FAILED_PRECONDITION, f"the remote redirects (HTTP {status}), which is not followed")
    if status in _UNMENDED:
        message = f"the remote refuses this version (HTTP {status}): {said}"
        return Trouble(FAILED_PRECONDITION, message, status=status)
    code = _CODES.get(status, INVALID_ARGUMENT if 400 <= status < 500 else INTERNAL)
    return Trouble(
        code,
        f"the remote says: {said}",
        is_down=status in _DOWN,
        is_retryable=code in (UNAVAILABLE, RESOURCE_EXHAUSTED),
        is_ours=code in (INVALID_ARGUMENT, OUT_OF_RANGE, INTERNAL),
        after_s=after_s,
        status=status,
    )


def _said(body: bytes) -> str:
    """Return the remote's own sentence: `error`, its `message`, or `detail`; a page in HTML is none."""
    try:
        tree: Any = msgspec.json.decode(body)
    except UNREADABLE:
        text = body[:1000].decode(errors="replace").strip()
        return "" if text.startswith("<") else text
    for name in ("error", "detail", "message"):
        found = tree.get(name) if isinstance(tree, dict) else None
        found = found.get("message") if isinstance(found, dict) else found
        if isinstance(found, str) and found:
            return found
    return ""
