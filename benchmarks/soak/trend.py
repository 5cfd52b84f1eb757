"""Whether a series grows: its slope with confidence, and what that would be in a day, or another span."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

import msgspec

DAY_S: Final = 86_400.0
# As much growth in the span, as a share of the mean, still counts as flat.
SHARE: Final = 0.05
# A dozen series are looked at: 99 %, so that chance seldom makes one of them grow.
Z: Final = 2.58
FLAT, GROWS, UNCLEAR = "flat", "grows", "unclear"


class Trend(msgspec.Struct, frozen=True):
    """A line through a series: its mean, the slope per second, half of its 99 % interval, the seconds.

    `span_s` is the time in which growth is judged.
    """

    name: str
    mean: float
    slope: float
    margin: float
    seconds: float
    span_s: float = DAY_S

    @property
    def growth(self) -> float:
        """Growth in the span as a share of the mean, at that slope."""
        return self.slope * self.span_s / self.mean if self.mean else 0.0

    @property
    def growth_margin(self) -> float:
        """Half of the 99 % interval of `growth`."""
        return self.margin * self.span_s / self.mean if self.mean else 0.0

    @property
    def verdict(self) -> str:
        """`flat` or `grows` where the whole interval says so, else `unclear`: a longer run would tell."""
        if self.growth + self.growth_margin <= SHARE:
            return FLAT
        return GROWS if self.growth - self.growth_margin > SHARE else UNCLEAR


def trend(name: str, times: Sequence[float], values: Sequence[float], span_s: float = DAY_S) -> Trend:
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
    return Trend(name, statistics.fmean(values), slope, margin, times[-1] - times[0], span_s)


def _blocks(values: Sequence[float], most: int = 20) -> list[float]:
    """Return the means of at most so many neighbouring blocks of equal length."""
    size = max(1, len(values) // most)
    return [statistics.fmean(values[at : at + size]) for at in range(0, len(values) - size + 1, size)]
