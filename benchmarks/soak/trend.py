"""Whether a series grows: its slope with confidence, and what that would be in a day."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

import msgspec

DAY_S: Final = 86_400.0
# Flat: no more than this share of the mean a day, or no more than this share over the whole run, or a slope
# that the scatter may have made.
DAILY: Final = 0.05
Z: Final = 1.96


class Trend(msgspec.Struct, frozen=True):
    """A line through a series: mean, slope per second and half of its 95 % interval, and the series' length."""

    name: str
    mean: float
    slope: float
    margin: float
    seconds: float

    @property
    def daily(self) -> float:
        """Growth of a day as a share of the mean, at that slope."""
        return self.slope * DAY_S / self.mean if self.mean else 0.0

    @property
    def daily_margin(self) -> float:
        """Half of the 95 % interval of `daily`."""
        return self.margin * DAY_S / self.mean if self.mean else 0.0

    @property
    def is_flat(self) -> bool:
        """Whether it does not grow: the interval's lower end is below 5 % a day."""
        return self.daily - self.daily_margin <= DAILY


def trend(name: str, times: Sequence[float], values: Sequence[float]) -> Trend:
    """Return the least-squares line of values at times in seconds; needs three of them.

    Neighbouring samples are alike, so the scatter is taken of blocks' means: counted one by one they would
    make a slope look surer than it is.
    """
    times, values = _blocks(times), _blocks(values)
    slope, intercept = statistics.linear_regression(times, values)
    rest = sum((y - slope * x - intercept) ** 2 for x, y in zip(times, values, strict=True))
    middle = statistics.fmean(times)
    spread = sum((x - middle) ** 2 for x in times)
    margin = Z * math.sqrt(rest / max(1, len(times) - 2) / spread) if spread else math.inf
    return Trend(name, statistics.fmean(values), slope, margin, times[-1] - times[0])


def _blocks(values: Sequence[float], most: int = 20) -> list[float]:
    """Return the means of at most so many neighbouring blocks of equal length."""
    size = max(1, len(values) // most)
    return [statistics.fmean(values[at : at + size]) for at in range(0, len(values) - size + 1, size)]
