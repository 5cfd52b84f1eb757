"""When an answer is of a version that was in force, and when swaps count as seamless."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.stream.generator import Opened
from benchmarks.swaps.reigns import Answer, Reign, wrong
from benchmarks.swaps.report import Result
from tests.unit.benchmarks.spans import span

REIGNS = [Reign("1", 0, 0), Reign("2", 5, 1_000), Reign("3", 9, 2_000)]


@pytest.mark.parametrize(
    ("answer", "sent_ms", "reason"),
    [
        (Answer("a", "2", 5, 2, 1_510), 1_500, ""),
        (Answer("a", "2", 8, 2, 2_100), 1_500, ""),
        (Answer("a", "2", 8, 2, 2_100), 2_000, ""),
        (Answer("a", "3", 9, 3, 2_100), 1_500, ""),
        (Answer("a", "2", 5, 3, 1_510), 1_500, "computed by another version"),
        (Answer("a", "1", 5, 1, 1_510), 1_500, "version 2 was in force at that epoch"),
        (Answer("a", "2", 8, 2, 2_100), 2_001, "not in force between question and answer"),
        (Answer("a", "3", 9, 3, 1_999), 1_500, "not in force between question and answer"),
        (Answer("b", "2", 5, 2, 1_510), 1_500, "nobody asked"),
    ],
)
def test_an_answer_is_of_the_version_that_was_in_force_meanwhile(
    answer: Answer, sent_ms: int, reason: str
) -> None:
    assert [why for _, why in wrong([answer], REIGNS, {"a": sent_ms})] == ([reason] if reason else [])


def result(quiet: dict[str, Any] | None = None, lost: int = 0, wrong_count: int = 0, **swaps: Any) -> Result:
    opened = Opened([span(**(quiet or {})), span(**swaps)], [], lost, 0)
    return Result(1, opened, [90], 200, wrong_count, [], 2, (1.0, 1.0), 0, {}, "now")


def test_swaps_are_seamless_when_all_is_answered_rightly_and_nearly_as_soon() -> None:
    assert result(p99_ms=40.0).is_met
    assert not result(p99_ms=41.0).is_met
    assert not result(lost=1).is_met
    assert not result(wrong_count=1).is_met
    assert not result(failed=1).is_met
    assert not result({"unsent": 1}).is_met
