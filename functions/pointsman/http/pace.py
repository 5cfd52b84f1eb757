"""How long the rest of a message may take."""

from __future__ import annotations

from pointsman.http.limits import Limits


class Pace:
    """Follows one message at a time; times are in seconds of any one clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._since: float | None = None
        self._is_body = False

    def restart(self) -> None:
        """Count from the next look: another message begins, or we did not read for a while."""
        self._since = None

    def left(self, now: float, size: int | None) -> float:
        """Return the seconds until more must have come.

        `size`: the bytes of the body so far, None while the head is not complete.
        """
        is_body = size is not None
        if self._since is None or is_body is not self._is_body:
            self._since, self._is_body = now, is_body
        limits = self._limits
        allowed = limits.head_s if size is None else limits.body_s
        if allowed is None:
            return limits.stall_s
        due = self._since + allowed + (size or 0) / limits.slowest
        return max(min(limits.stall_s, due - now), 0.0)
