from __future__ import annotations

import random

import pytest

from benchmarks.soak.trend import DAY_S, FLAT, GROWS, trend


def series(
    daily: float, noise: float, seconds: int = 3_600, seed: int = 1
) -> tuple[list[float], list[float]]:
    """Return samples of two seconds of a mean of 100 that grows by a share of it a day."""
    chance = random.Random(seed)
    times = [float(at) for at in range(0, 3_600, 2)]
    return times, [100 + 100 * daily * at / DAY_S + chance.gauss(0, noise) for at in times]


def test_a_leak_is_seen_through_noise() -> None:
    found = trend("memory", *series(daily=2.0, noise=0.5))
    assert found.verdict == GROWS
    assert found.growth == pytest.approx(2.0, abs=0.5)


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_no_growth(seed: int) -> None:
    assert trend("memory", *series(daily=0, noise=2, seed=seed)).verdict != GROWS


def test_what_shrinks_is_flat() -> None:
    assert trend("memory", *series(daily=-3, noise=0.1)).verdict == FLAT


def test_growth_is_judged_over_the_span_that_is_asked_about() -> None:
    times, values = series(daily=2.0, noise=0.01)
    assert trend("memory", times, values, span_s=DAY_S).verdict == GROWS
    assert trend("memory", times, values, span_s=60.0).verdict == FLAT


def test_a_constant_has_no_slope() -> None:
    found = trend("restarts", [0.0, 1.0, 2.0, 3.0], [0.0] * 4)
    assert (found.slope, found.margin, found.growth, found.verdict) == (0, 0, 0, FLAT)
