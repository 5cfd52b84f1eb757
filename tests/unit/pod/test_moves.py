"""What a pod knows of shifted traffic."""

from __future__ import annotations

from typing import Any

from pointsman.core.spec import Route, VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.pod.moves import FRESH_S, Moves


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def table(
    epoch: int, split: dict[str, int], state: VersionState = VersionState.READY, **route: Any
) -> RouteTable:
    entries = {
        version: VersionEntry(version, VersionSpec(uri="python:a:B"), state, 1) for version in ("1", "2")
    }
    return RouteTable("m", epoch, entries, Route(split=split, **route))


def test_what_was_decided_before_a_shift_is_outdated_and_what_came_after_is_not() -> None:
    moves = Moves(Time())
    moves.note("m", table(4, {"1": 1}))
    moves.note("m", table(7, {"1": 1, "2": 1}))
    assert moves.is_outdated("m", 6)
    assert not moves.is_outdated("m", 7)
    assert not moves.is_outdated("other", 1)


def test_the_first_table_and_a_change_of_anything_else_outdate_nothing() -> None:
    moves = Moves(Time())
    moves.note("m", table(4, {"1": 1}))
    assert not moves.is_outdated("m", 3)
    moves.note("m", table(5, {"1": 1}))
    assert not moves.is_outdated("m", 4)


def test_versions_that_stop_serving_and_come_back_have_moved_nothing() -> None:
    moves = Moves(Time())
    moves.note("m", table(4, {"1": 1}))
    moves.note("m", table(5, {"1": 1}, VersionState.UNREACHABLE))
    assert not moves.is_outdated("m", 4)
    moves.note("m", table(6, {"1": 1}))
    assert not moves.is_outdated("m", 4)


def test_what_a_draining_version_has_it_keeps_until_somebody_else_serves() -> None:
    moves = Moves(Time())
    moves.note("m", table(4, {"1": 1}))
    moves.note("m", table(5, {"1": 1}, VersionState.DRAINING))
    assert not moves.is_outdated("m", 4)
    moves.note("m", table(6, {"2": 1}))
    assert moves.is_outdated("m", 4)


def test_another_salt_deals_the_units_anew() -> None:
    moves = Moves(Time())
    moves.note("m", table(4, {"1": 1, "2": 1}))
    moves.note("m", table(5, {"1": 1, "2": 1}, experiment="second"))
    assert moves.is_outdated("m", 4)


def test_a_shift_is_remembered_while_other_things_change_and_forgotten_soon() -> None:
    time = Time()
    moves = Moves(time)
    moves.note("m", table(4, {"1": 1}))
    moves.note("m", table(5, {"2": 1}))
    moves.note("m", table(6, {"2": 1}))
    assert moves.is_outdated("m", 4)
    assert not moves.is_outdated("m", 5)
    time.now += FRESH_S
    assert not moves.is_outdated("m", 4)


def test_a_table_of_an_earlier_epoch_as_after_a_restore_outdates_nothing() -> None:
    moves = Moves(Time())
    moves.note("m", table(9, {"1": 1}))
    moves.note("m", table(5, {"2": 1}))
    assert not moves.is_outdated("m", 4)


def test_a_model_that_is_gone_is_forgotten() -> None:
    moves = Moves(Time())
    moves.note("m", table(4, {"1": 1}))
    moves.note("m", table(5, {"2": 1}))
    moves.note("m", None)
    assert not moves.is_outdated("m", 4)
