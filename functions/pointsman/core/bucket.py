"""A token bucket in integers: it admits a burst, and then so many requests a second, exactly.

Rates are counted in requests per 1,000 s and time in nanoseconds, so a level is a whole number of 1e-12
tokens: no sum of fractions drifts, and the wait that a refusal names is the least one that suffices.
"""

from __future__ import annotations

from typing import Final

_TOKEN: Final = 10**12  # what a rate of 1 per 1,000 s adds in 1,000 s


class Bucket:
    """Full at first; `per_1000_s` and `burst` are at least 1."""

    def __init__(self, per_1000_s: int, burst: int, now_ns: int) -> None:
        self._rate = per_1000_s
        self._full = self._level = burst * _TOKEN
        self._at_ns = now_ns

    def take(self, now_ns: int) -> int:
        """Take a token and return 0; or take none and return the nanoseconds until there is one.

        A clock that went back counts as one that stands still.
        """
        self._fill(now_ns)
        missing = _TOKEN - self._level
        if missing > 0:
            return -(-missing // self._rate)
        self._level -= _TOKEN
        return 0

    def change(self, per_1000_s: int, burst: int, now_ns: int) -> None:
        """Go on with other limits: what was earned by the old ones stays, up to the new burst."""
        self._fill(now_ns)
        self._rate, self._full = per_1000_s, burst * _TOKEN
        self._level = min(self._level, self._full)

    def _fill(self, now_ns: int) -> None:
        elapsed = max(0, now_ns - self._at_ns)
        self._level = min(self._full, self._level + elapsed * self._rate)
        self._at_ns += elapsed
