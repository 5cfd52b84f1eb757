"""When an overload counts as survived."""

from __future__ import annotations

from typing import Any

from benchmarks.overload.report import Result
from benchmarks.stream.generator import Opened, Span
from tests.unit.benchmarks.spans import span


def result(*after: Span, **overload: Any) -> Result:
    """Return a run of two seconds before, two of overload, and what came after it."""
    pressed = {"seconds": 2.0, "answered": 300, "refused": 100, **overload}
    seconds = [span(), span(), span(refused=50), span(refused=50), *after]
    phases = [span(seconds=2.0), span(**pressed), span(seconds=float(len(after)))]
    return Result(200.0, 1_000, Opened(phases, seconds, 0, 0), 0, {}, "now")


def test_what_was_answered_counts_against_the_capacity() -> None:
    assert result(*[span()] * 6).goodput == 0.75
    assert result(*[span()] * 6).is_met
    assert not result(*[span()] * 6, answered=200).is_met


def test_slow_refusals_miss_the_goal() -> None:
    assert not result(*[span()] * 6, refusal_p99_ms=51.0).is_met


def test_normal_is_from_the_second_after_the_last_wild_one() -> None:
    wild = [span(refused=1), span(), span(late=1), span()]
    assert result(*[span()] * 4).normal_after_s == 0
    assert result(*wild, span()).normal_after_s == 3
    assert result(*wild, span(p99_ms=31)).normal_after_s is None
    assert not result(*wild, span(failed=1)).is_met
