"""When nobody counts as having noticed a flood."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.isolation.report import Memory, Result
from benchmarks.stream.generator import Opened
from tests.unit.benchmarks.spans import span


def result(*, lost: int = 0, restarts: int = 0, before: float = 20.0, **flood: Any) -> Result:
    """Return a run of a second before, two of flood, and ten after it."""
    opened = Opened([span(p99_ms=before), span(**flood), span()], [], lost, 0)
    memory = [Memory(float(second), {"engine": 500.0 + second, "router": 50.0}) for second in range(13)]
    seconds = {"before": 1, "while it comes": 2, "while it waits": 10}
    return Result(9, 3, seconds, {"small": opened}, memory, restarts, {}, "now")


def test_a_flood_that_nobody_notices_meets_the_goal() -> None:
    assert result().is_met
    assert result(before=900.0).is_met  # what was before it is not its doing


@pytest.mark.parametrize(
    "flood",
    [{"p99_ms": 251.0}, {"refused": 1}, {"failed": 1}, {"unsent": 1}, {"lost": 1}, {"restarts": 1}],
    ids=str,
)
def test_anything_that_others_notice_misses_it(flood: dict[str, Any]) -> None:
    assert not result(**flood).is_met


def test_memory_is_looked_at_while_the_flood_waits() -> None:
    engine, router, whole = result().trends()
    assert (engine.name, round(engine.slope, 3), engine.mean) == ("engine", 1.0, 507.5)
    assert (router.slope, round(whole.slope, 3)) == (0, 1.0)
