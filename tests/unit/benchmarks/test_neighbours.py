"""When a neighbour counts as not having noticed."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.neighbours.report import Pair, Result
from tests.unit.benchmarks.spans import span


def pair(kind: str, times: float, *, count: int = 3, lost: int = 0, **troubled: Any) -> Pair:
    """Return a pair whose troubled window was so many times as slow."""
    return Pair(kind, 60, count, span(p99_ms=20.0), span(p99_ms=20.0 * times, **troubled), lost)


def result(*pairs: Pair, restarts: int = 0) -> Result:
    """Return a run of these pairs."""
    return Result(list(pairs), restarts, 0, {}, "now")


def test_the_median_of_each_kind_counts() -> None:
    pairs = [pair("loads", 1.4), pair("loads", 9.0), pair("loads", 1.0), pair("hangs", 1.5)]
    assert result(*pairs).medians() == {"loads": 1.4, "hangs": 1.5}
    assert result(*pairs).is_met
    assert not result(*pairs, pair("hangs", 1.7)).is_met


@pytest.mark.parametrize(
    "fields", [{"failed": 1}, {"refused": 1}, {"unsent": 1}, {"lost": 1}, {"count": 0}], ids=str
)
def test_whatever_is_not_answered_and_no_trouble_at_all_miss_the_goal(fields: dict[str, int]) -> None:
    assert not result(pair("loads", 1.0, **fields)).is_met


def test_a_restart_misses_the_goal() -> None:
    assert not result(pair("loads", 1.0), restarts=1).is_met
