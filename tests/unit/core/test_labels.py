"""Labels move onto versions that are ready."""

from __future__ import annotations

import pytest

from pointsman.core.commands import Apply, Register, Retire, SetLabels
from pointsman.core.table import RouteTable, VersionState, effective_split
from pointsman.errors import FAILED_PRECONDITION
from tests.unit.core.tables import done, model, moved, refused, serving, states, version, word

LOADING, READY, FAILED = VersionState.LOADING, VersionState.READY, VersionState.FAILED


def loading() -> RouteTable:
    """Return a table whose version 1 serves under the label stable while version 2 loads."""
    table = done(serving({"1": 1}, labels={"stable": "1"}), Register({"2": version("2")}), "register")
    return moved(table, word(table, {"1": READY, "2": LOADING}))


@pytest.mark.parametrize("label", ["stable", "new"])
def test_a_label_is_not_put_on_a_version_that_is_not_ready(label: str) -> None:
    failure = refused(loading(), SetLabels({label: "2"}))
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, f"labels.{label}")
    assert "version 2 is LOADING" in failure.message


def test_a_label_that_stays_where_it_is_needs_no_ready_version() -> None:
    table = moved(loading())
    assert table.versions["1"].state is VersionState.UNREACHABLE
    assert done(table, SetLabels({"stable": "1"}), "same").labels == {"stable": "1"}


def test_a_label_of_a_file_moves_when_its_version_is_ready() -> None:
    table = done(loading(), Apply(model({"1": 1, "2": 0}, labels={"stable": "2", "new": "1"})), "file")
    assert (table.labels, table.awaited) == ({"stable": "1", "new": "1"}, {"stable": "2"})
    table = moved(table, word(table, {"1": READY, "2": READY}))
    assert (table.labels, table.awaited) == ({"stable": "2", "new": "1"}, {})


def test_a_label_without_a_version_that_serves_waits_with_the_new_one() -> None:
    table = done(loading(), Apply(model({"1": 1, "2": 0}, labels={"new": "2"})), "file")
    assert (table.labels, table.awaited) == ({"new": "2"}, {})
    table = done(loading(), Apply(model({"1": 1, "2": 0}, labels={"stable": "2"})), "file")
    table = moved(table)  # version 1 is out of reach too
    assert (table.labels, table.awaited) == ({"stable": "2"}, {})


def test_the_old_version_stays_for_its_label_until_that_can_move() -> None:
    split, labels = {"2": 0, "3": 1}, {"stable": "2"}
    table = done(loading(), Apply(model(split, labels=labels)), "file")
    ready = word(table, {"1": READY, "3": READY})
    table = moved(table, ready, word(table, {"2": LOADING}, pod="p2"))
    assert effective_split(table) == {"3": 1}
    assert (states(table)["1"], table.labels) == (READY, {"stable": "1"})
    table = moved(table, ready, word(table, {"2": READY}, pod="p2"))
    assert set(table.versions) == {"2", "3"}
    assert table.labels == labels


def test_a_label_that_waits_is_taken_back_by_the_next_word_on_it() -> None:
    waiting = done(loading(), Apply(model({"1": 1, "2": 0}, labels={"stable": "2"})), "file")
    kept = done(waiting, SetLabels({"stable": "1"}), "stay")
    assert (kept.labels, kept.awaited) == ({"stable": "1"}, {})
    none = done(waiting, SetLabels({"stable": ""}), "none")
    assert (none.labels, none.awaited) == ({}, {})
    gone = done(waiting, Retire(("2",)), "retire")
    assert (gone.labels, gone.awaited) == ({"stable": "1"}, {})
