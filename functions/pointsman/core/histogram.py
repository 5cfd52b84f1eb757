"""A histogram of latencies with a bounded relative error: within a power of two its buckets are equal."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

# Each power of two is cut into 2**_FINE buckets: of 1/16 of their value at most.
_FINE: Final = 4
_STEPS: Final = 1 << _FINE
_MOST_BITS: Final = 30
# Eighteen minutes; what takes longer counts as that.
MOST_US: Final = (1 << _MOST_BITS) - 1
BUCKETS: Final = (_MOST_BITS - _FINE + 1) * _STEPS
# The middle of a bucket is never further from its values than this part of them; below 16 us, half of one.
RELATIVE_ERROR: Final = 1 / (2 * _STEPS)


def bucket_of(micros: int) -> int:
    """Return the bucket of a latency in whole microseconds; what is out of range counts at its end."""
    if micros < _STEPS:
        return max(0, micros)
    micros = min(micros, MOST_US)
    shift = micros.bit_length() - _FINE - 1
    return (shift << _FINE) + (micros >> shift)


def middle_of(bucket: int) -> float:
    """Return the middle of a bucket in microseconds."""
    shift = max(0, (bucket >> _FINE) - 1)
    return float(bucket - (shift << _FINE) << shift) + (1 << shift) / 2


def quantile(counts: Sequence[int], part: float) -> float | None:
    """Return the latency, in microseconds, that `part` (0 to 1) of what was counted did not exceed.

    It is the nearest-rank quantile to within RELATIVE_ERROR; None where nothing was counted.
    """
    total = sum(counts)
    if not total:
        return None
    # Rounded first: 0.07 * 100 is a little over 7, and is meant to be 7.
    rank = max(1, math.ceil(round(part * total, 6)))
    return middle_of(bisect_left(list(accumulate(counts)), rank))
