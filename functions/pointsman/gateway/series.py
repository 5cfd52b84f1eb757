"""The last seconds of one version: how many requests, how many failed, how long the others took."""

from __future__ import annotations

from array import array
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pointsman.core.histogram import BUCKETS, bucket_of, quantile

# Seconds that counts, and latencies, are kept for. The first is a multiple of the second.
HISTORY_S: Final = 120
WINDOW_S: Final = 60

_NOTHING: Final = bytes(BUCKETS * array("I").itemsize)


class Reading(NamedTuple):
    """A sliding window of one version.

    Rates are per second; `share` is the version's part of its model's requests, 0 to 1. Latencies are those
    of requests that succeeded, in milliseconds, right to within 1/32; None where there was none.
    """

    requests: int = 0
    errors: int = 0
    rate: float = 0.0
    error_rate: float = 0.0
    share: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None


class Series:
    """Seconds, each in the place of the one that lies a whole round back: 110 KB, however much is counted.

    Seconds are numbered from 0 and only go up.
    """

    __slots__ = ("_buckets", "_errors", "_latest", "_requests", "_seconds", "total")

    def __init__(self) -> None:
        self.total = 0  # requests since the beginning
        self._latest = -1
        self._seconds = [-1] * HISTORY_S
        self._requests = [0] * HISTORY_S
        self._errors = [0] * HISTORY_S
        self._buckets = array("I", _NOTHING * WINDOW_S)

    def succeeded(self, second: int, micros: int) -> None:
        """Count a request that was answered after so many microseconds."""
        if second != self._latest:
            self._begin(second)
        self.total += 1
        self._requests[second % HISTORY_S] += 1
        self._buckets[second % WINDOW_S * BUCKETS + bucket_of(micros)] += 1

    def failed(self, second: int) -> None:
        """Count a request that failed."""
        if second != self._latest:
            self._begin(second)
        self.total += 1
        self._requests[second % HISTORY_S] += 1
        self._errors[second % HISTORY_S] += 1

    def read(self, second: int, seconds: int, span: float) -> Reading:
        """Return so many seconds up to this one, WINDOW_S at most; `span` is how long they have lasted."""
        counted = self._counted(second, seconds)
        requests = sum(self._requests[one % HISTORY_S] for one in counted)
        if not requests:
            return Reading()
        errors = sum(self._errors[one % HISTORY_S] for one in counted)
        latencies = self._latencies(counted)
        p50, p99 = quantile(latencies, 0.5), quantile(latencies, 0.99)
        return Reading(requests, errors, requests / span, errors / span, 0.0, _ms(p50), _ms(p99))

    def history(self, second: int) -> tuple[list[int], list[int]]:
        """Return the requests and the errors of each of the HISTORY_S - 1 seconds before this one."""
        requests, errors = blank(), blank()
        for one in self._counted(second - 1, HISTORY_S - 1):
            requests[one - second] = self._requests[one % HISTORY_S]
            errors[one - second] = self._errors[one % HISTORY_S]
        return requests, errors

    def _begin(self, second: int) -> None:
        """Forget what lies where a second is about to be counted."""
        self._latest = second
        place = second % HISTORY_S
        self._seconds[place] = second
        self._requests[place] = self._errors[place] = 0
        at = second % WINDOW_S * BUCKETS
        self._buckets[at : at + BUCKETS] = array("I", _NOTHING)

    def _counted(self, second: int, seconds: int) -> list[int]:
        """Return which of so many seconds up to this one were counted."""
        span = range(max(0, second - seconds + 1), second + 1)
        return [one for one in span if self._seconds[one % HISTORY_S] == one]

    def _latencies(self, seconds: list[int]) -> list[int]:
        """Return the histogram of these seconds."""
        buckets: npt.NDArray[np.uint32] = np.frombuffer(self._buckets, np.uint32).reshape(WINDOW_S, BUCKETS)
        summed: list[int] = buckets[[one % WINDOW_S for one in seconds]].sum(axis=0, dtype=np.uint64).tolist()
        return summed


def blank() -> list[int]:
    """Return a history in which there was nothing."""
    return [0] * (HISTORY_S - 1)


def _ms(micros: float | None) -> float | None:
    return None if micros is None else micros / 1000
