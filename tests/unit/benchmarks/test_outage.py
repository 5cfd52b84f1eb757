"""When nobody counts as having waited for another's trouble."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.outage.report import Pair, Result
from tests.unit.benchmarks.spans import span


def pair(kind: str, times: float, *, lost: int = 0, **waiting: Any) -> Pair:
    """Return a pair whose troubled window was so many times as slow."""
    return Pair(kind, 60, span(p99_ms=20.0), span(p99_ms=20.0 * times), span(**waiting), lost)


def result(*pairs: Pair, restarts: int = 0) -> Result:
    """Return a run of these pairs."""
    return Result(list(pairs), restarts, {}, "now")


def test_the_median_of_each_kind_counts() -> None:
    pairs = [pair("load", 1.4), pair("load", 9.0), pair("load", 1.0), pair("pool gone", 1.5)]
    assert result(*pairs).medians() == {"load": 1.4, "pool gone": 1.5}
    assert result(*pairs).is_met
    assert not result(*pairs, pair("pool gone", 1.7)).is_met


@pytest.mark.parametrize("fields", [{"failed": 1}, {"refused": 1}, {"unsent": 1}, {"lost": 1}], ids=str)
def test_whatever_is_not_answered_misses_the_goal(fields: dict[str, int]) -> None:
    assert not result(pair("load", 1.0, **fields)).is_met


def test_to_come_late_is_the_lot_of_what_waits() -> None:
    assert result(pair("load", 1.0, answered=0, late=100)).is_met


def test_a_restart_misses_the_goal() -> None:
    assert not result(pair("load", 1.0), restarts=1).is_met
