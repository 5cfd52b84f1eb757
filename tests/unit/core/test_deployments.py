"""Promotion, the history of splits and labels, and the way back."""

from __future__ import annotations

import msgspec

from pointsman.core.commands import Apply, Command, Promote, Register, Retire, Rollback, SetLabels, SetSplit
from pointsman.core.deployments import REMEMBERED_DEPLOYMENTS, lost
from pointsman.core.reduce import MAX_TABLE_BYTES, Facts, reduce
from pointsman.core.spec import WEIGHT_SCALE
from pointsman.core.table import RouteTable, VersionState, effective_split
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, Failure
from tests.unit.core.tables import done, model, moved, refused, serving, version, word

LOADING, READY, FAILED = VersionState.LOADING, VersionState.READY, VersionState.FAILED


def promoted() -> RouteTable:
    """Return a table in which version 2 took over from version 1, with its label."""
    table = serving({"1": 1, "2": 0}, labels={"stable": "1"})
    return done(table, Promote("2", ("stable",)), "promote")


def test_a_promoted_version_gets_all_traffic_and_its_label_and_the_old_one_stays() -> None:
    table = promoted()
    assert (table.route.split, table.labels) == ({"2": WEIGHT_SCALE}, {"stable": "2"})
    assert not table.versions["1"].leaving


def test_a_version_promoted_too_early_takes_over_when_it_is_ready() -> None:
    table = done(serving({"1": 1}, labels={"stable": "1"}), Register({"2": version("2")}), "register")
    table = done(table, Promote("2", ("stable",)), "promote")
    old = word(table, {"1": READY})
    table = moved(table, old)
    assert (effective_split(table), table.labels) == ({"1": 1}, {"stable": "1"})
    table = moved(table, old, word(table, {"2": READY}, pod="p2"))
    assert (effective_split(table), table.labels) == ({"2": WEIGHT_SCALE}, {"stable": "2"})


def test_a_version_that_failed_is_not_promoted() -> None:
    table = done(serving({"1": 1}), Register({"2": version("2")}), "register")
    table = moved(table, word(table, {"1": READY}), word(table, {"2": FAILED}, pod="p2", reason="no memory"))
    failure = refused(table, Promote("2"))
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "promote.version")
    assert "no memory" in failure.message


def test_rollback_brings_back_the_split_and_the_labels_before_the_last_change() -> None:
    before = serving({"1": 1, "2": 0}, labels={"stable": "1"})
    table = done(promoted(), Rollback(), "back")
    assert (effective_split(table), table.labels) == (effective_split(before), before.labels)
    assert refused(table, Rollback(), "further").field == "rollback"


def test_each_rollback_goes_one_deployment_further_back() -> None:
    table = serving()
    for number in range(1, 4):
        table = done(table, SetSplit({"1": number, "2": 1}), f"split {number}")
    assert [one.split["1"] for one in table.deployments] == [900, 1, 2, 3]
    for number in (2, 1, 900):
        table = done(table, Rollback(), f"back to {number}")
        assert table.route.split["1"] == number
        assert table.deployments[-1].split["1"] == number


def test_rollback_goes_to_a_named_epoch_and_forgets_what_came_after() -> None:
    table = serving()
    first = table.deployments[-1].epoch
    for number in range(1, 4):
        table = done(table, SetSplit({"1": number, "2": 1}), f"split {number}")
    assert refused(table, Rollback(table.epoch), "here").code == NOT_FOUND
    table = done(table, Rollback(first), "back")
    assert table.route.split == {"1": 900, "2": 100}
    assert len(table.deployments) == 1


def test_a_deployment_says_when_and_by_whom() -> None:
    table = serving()
    after = reduce(table, Command("c", "m", SetSplit({"1": 1}), None, "ann"), Facts(77))
    assert isinstance(after, RouteTable)
    last = after.deployments[-1]
    assert (last.epoch, last.at_ms, last.actor) == (after.epoch, 77, "ann")


def test_an_actor_whose_name_has_no_end_is_refused() -> None:
    failure = reduce(serving(), Command("c", "m", SetSplit({"1": 1}), None, "a" * 201), Facts(77))
    assert isinstance(failure, Failure)
    assert (failure.code, failure.field) == (INVALID_ARGUMENT, "actor")
    assert isinstance(
        reduce(serving(), Command("c", "m", SetSplit({"1": 1}), None, "a" * 200), Facts(77)), RouteTable
    )


def test_what_changes_neither_split_nor_labels_is_no_deployment() -> None:
    table = serving()
    known = table.deployments
    table = done(table, Register({"3": version("3")}), "register")
    table = done(table, Apply(model(versions={name: version(name) for name in "123"})), "apply")
    assert done(table, SetSplit({"1": 900, "2": 100, "3": 0}), "the same").deployments == known


def test_the_last_deployments_are_remembered() -> None:
    table = serving()
    for number in range(REMEMBERED_DEPLOYMENTS + 2):
        table = done(table, SetSplit({"1": number + 1, "2": 1}), f"split {number}")
    weights = [one.split["1"] for one in table.deployments]
    assert weights == [*range(3, REMEMBERED_DEPLOYMENTS + 3)]


def test_history_makes_room_where_the_table_would_be_too_large() -> None:
    table = serving({"1": 1})
    for number in range(REMEMBERED_DEPLOYMENTS):
        labels = {f"label-{one}-{number}": "1" for one in range(MAX_TABLE_BYTES // 150)}
        table = done(table, SetLabels({**dict.fromkeys(table.labels, ""), **labels}), f"label {number}")
    assert 1 < len(table.deployments) < REMEMBERED_DEPLOYMENTS
    assert table.deployments[-1].labels == table.labels


def test_a_table_of_an_older_release_can_go_back_to_where_it_was() -> None:
    table = msgspec.structs.replace(serving(), deployments=())
    table = done(table, SetSplit({"2": 1}), "split")
    assert done(table, Rollback(), "back").route.split == {"1": 900, "2": 100}


def test_there_is_no_way_back_to_a_version_that_is_gone() -> None:
    table = done(promoted(), Retire(("1",)), "retire")
    table = moved(table, word(table, {"2": READY}))
    failure = refused(table, Rollback(), "back")
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "rollback.1")
    assert "is gone" in failure.message
    again = done(table, Register({"1": version("other")}), "another under its name")
    again = moved(again, word(again, {"1": READY, "2": READY}))
    assert refused(again, Rollback(), "back").field == "rollback.1"


def test_there_is_no_way_back_to_a_version_that_is_not_ready() -> None:
    table = moved(promoted(), word(promoted(), {"2": READY}))
    failure = refused(table, Rollback(), "back")
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "rollback.1")
    assert "UNREACHABLE" in failure.message


def test_a_version_that_was_to_leave_and_still_serves_is_kept_by_a_rollback() -> None:
    table = done(serving({"1": 1}), Apply(model({"2": 1})), "successor")
    table = moved(table, word(table, {"1": READY}), word(table, {"2": FAILED}, pod="p2"))
    table = done(table, Rollback(), "back")
    assert not table.versions["1"].leaving
    assert effective_split(table) == {"1": 1}


def test_a_command_that_sends_away_what_a_rollback_needs_says_so() -> None:
    table = promoted()
    retired = done(table, Retire(("1",)), "retire")
    assert "version 1 leaves" in lost(retired, table)
    before = serving({"1": 1})
    replaced = done(before, Apply(model({"2": 1})), "successor")
    assert "version 1 leaves" in lost(replaced, before)
    kept = done(before, Apply(model({"1": 0, "2": 1})), "both")
    assert lost(kept, before) == ""


def test_labels_that_left_with_their_version_are_no_hindrance() -> None:
    table = serving({"1": 1, "2": 0}, labels={"old": "2", "stable": "1"})
    table = done(table, Retire(("2",)), "retire")
    table = moved(table, word(table, {"1": READY}))
    table = done(table, Register({"3": version("3")}), "register")
    table = moved(table, word(table, {"1": READY, "3": READY}))
    table = done(table, Promote("3"), "promote")
    assert done(table, Rollback(), "back").labels == {"stable": "1"}
