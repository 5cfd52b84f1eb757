"""How long the rest of a message may take."""

from __future__ import annotations

from pointsman.http.limits import Limits


class Pace:
    """Follows one message at a time; times are in seconds of any one clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen_s: float | None = None
        self._is_body = False
        self._size = 0
        self._left_s = 0.0

    def restart(self) -> None:
        """Count from the next look: another message begins, or we did not read for a while."""
        self._seen_s = None

    def left(self, now: float, size: int | None) -> float:
        """Return the seconds until more must have come.

        `size`: the bytes of the body so far, None while the head is not complete.
        """
        limits = self._limits
        allowed = limits.head_s if size is None else limits.body_s
        if allowed is None:
            return limits.stall_s
        is_body, come = size is not None, size or 0
        if self._seen_s is None or self._is_body is not is_body:
            self._seen_s, self._is_body, self._size, self._left_s = now, is_body, come, allowed
        earned = (come - self._size) / limits.slowest
        self._left_s = min(allowed, self._left_s - (now - self._seen_s) + earned)
        self._seen_s, self._size = now, come
        return max(min(limits.stall_s, self._left_s), 0.0)
