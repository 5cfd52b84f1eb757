"""Which versions a model keeps."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.core.commands import (
    Apply,
    Body,
    Promote,
    Register,
    Retire,
    Rollback,
    SetLabels,
    SetPolicy,
    SetSplit,
)
from pointsman.core.spec import WEIGHT_SCALE, ModelSpec
from pointsman.core.table import RouteTable, VersionState, effective_split
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND
from tests.unit.core.tables import attempt, done, model, moved, refused, serving, states, version, word

LOADING, READY, FAILED = VersionState.LOADING, VersionState.READY, VersionState.FAILED
DRAINING, UNREACHABLE = VersionState.DRAINING, VersionState.UNREACHABLE


def registered(table: RouteTable, *names: str, state: VersionState = READY) -> RouteTable:
    """Return the table with these versions added one after the other, all that serve ready still."""
    for name in names:
        table = done(table, Register({name: version(name)}), f"register {name}")
        ready = [one for one, entry in table.versions.items() if entry.state is READY]
        table = moved(table, word(table, {**dict.fromkeys(ready, READY), name: state}))
    return table


def latest(count: int, *names: str) -> RouteTable:
    table = done(serving({"1": 1}), SetPolicy(f"latest({count})"), "policy")
    return registered(table, *names)


def test_the_newest_ready_version_gets_all_traffic_and_the_old_one_leaves() -> None:
    table = latest(1)
    table = done(table, Register({"2": version("2")}), "register")
    table = moved(table, word(table, {"1": READY, "2": LOADING}))
    assert (effective_split(table), states(table)["1"]) == ({"1": 1}, READY)
    assert not table.versions["1"].leaving
    table = moved(table, word(table, {"1": READY, "2": READY}), inflight={"1": 1})
    assert (effective_split(table), states(table)) == ({"2": WEIGHT_SCALE}, {"1": DRAINING, "2": READY})
    assert set(moved(table, word(table, {"2": READY})).versions) == {"2"}


def test_as_many_versions_are_kept_as_the_policy_says_by_number() -> None:
    assert set(latest(2, "2", "9", "10").versions) == {"9", "10"}
    assert set(latest(3, "2", "9", "10").versions) == {"2", "9", "10"}


def test_an_old_version_stays_while_a_label_is_on_it_and_leaves_when_that_moves() -> None:
    table = done(latest(1), SetLabels({"stable": "1"}), "label")
    table = registered(table, "2", "3")
    assert (set(table.versions), table.labels) == ({"1", "3"}, {"stable": "1"})
    assert effective_split(table) == {"3": WEIGHT_SCALE}
    table = done(table, SetLabels({"stable": "3"}), "move")
    assert table.versions["1"].leaving


def test_an_old_version_stays_until_a_label_that_is_awaited_has_moved() -> None:
    table = registered(done(latest(1), SetLabels({"stable": "1"}), "label"), "2")
    fields = {"labels": {"stable": "3"}, "policy": "latest(1)"}
    table = applied(table, "file", "1", "3", **fields)
    table = moved(table, word(table, {"1": READY, "2": READY, "3": LOADING}))
    assert (set(table.versions), table.awaited) == ({"1", "2", "3"}, {"stable": "3"})
    assert not table.versions["1"].leaving
    table = moved(table, word(table, {"1": READY, "2": READY, "3": READY}))
    assert (set(table.versions), table.labels) == ({"3"}, {"stable": "3"})


def test_an_old_version_stays_while_one_that_stays_falls_back_to_it() -> None:
    file = {"1": version("1"), "2": version("2", fallback="1"), "3": version("3", fallback="2")}
    spec = ModelSpec("m", file, policy="latest(1)")
    table = done(RouteTable("m"), Apply(spec), "file")
    table = moved(table, word(table, dict.fromkeys("123", READY)))
    assert set(table.versions) == {"1", "2", "3"}
    assert done(table, Apply(spec), "again").versions == table.versions
    assert set(registered(table, "4").versions) == {"4"}


def test_a_newest_version_that_fails_leaves_the_old_one_serving() -> None:
    table = registered(latest(1), "2", state=FAILED)
    assert (effective_split(table), table.versions["1"].leaving) == ({"1": 1}, False)
    assert set(registered(table, "3").versions) == {"3"}


def test_an_older_version_stands_in_while_the_newest_is_away() -> None:
    table = latest(2, "2")
    away = moved(table, word(table, {"1": READY}))
    assert (states(away)["2"], effective_split(away)) == (UNREACHABLE, {"1": WEIGHT_SCALE})
    back = moved(away, word(away, {"1": READY, "2": READY}))
    assert effective_split(back) == {"2": WEIGHT_SCALE}
    assert back.deployments == table.deployments


def test_a_command_that_changes_nothing_is_no_deployment_while_an_older_version_stands_in() -> None:
    table = latest(2, "2")
    away = moved(table, word(table, {"1": READY}))
    assert effective_split(away) == {"1": WEIGHT_SCALE}
    assert done(away, SetPolicy("latest(2)"), "the same").deployments == table.deployments


def test_what_the_policy_decided_is_in_the_history() -> None:
    table = latest(2, "2")
    assert [(one.split, one.actor) for one in table.deployments] == [
        ({"1": 1}, ""),
        ({"2": WEIGHT_SCALE}, "policy latest(2)"),
    ]


def test_a_rollback_ends_the_policy_which_would_undo_it() -> None:
    table = done(latest(2, "2"), Rollback(), "back")
    assert (table.policy, effective_split(table)) == ("named", {"1": 1})
    assert effective_split(registered(table, "3")) == {"1": 1}


@pytest.mark.parametrize("body", [SetSplit({"1": 1}), Promote("1")], ids=["split", "promote"])
def test_nobody_deals_out_the_traffic_beside_the_policy(body: Body) -> None:
    failure = refused(latest(2, "2"), body)
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "policy")
    assert "named" in failure.message


def test_the_newest_version_may_be_retired() -> None:
    table = done(latest(2, "2"), Retire(("2",)), "retire")
    assert effective_split(moved(table, word(table, {"1": READY, "2": READY}))) == {"1": WEIGHT_SCALE}


def test_a_version_that_would_leave_at_once_is_not_registered() -> None:
    table = latest(1, "5")
    failure = refused(table, Register({"3": version("3")}))
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "versions.3")
    assert set(registered(latest(2, "5"), "3").versions) == {"3", "5"}


def test_a_version_without_a_number_is_refused() -> None:
    failure = refused(latest(1), Register({"blue": version("blue")}))
    assert (failure.code, failure.field) == (INVALID_ARGUMENT, "policy")
    named = done(serving({"1": 1}), Register({"blue": version("blue")}), "register")
    assert refused(named, SetPolicy("latest(1)")).field == "policy"


def test_a_model_that_nobody_knows_has_no_policy() -> None:
    assert refused(RouteTable("m"), SetPolicy("all")).code == NOT_FOUND


def applied(table: RouteTable, command_id: str, *names: str, **fields: Any) -> RouteTable:
    versions = {name: version(name) for name in names}
    return done(table, Apply(ModelSpec("m", versions, **fields)), command_id)


def test_a_file_that_is_applied_again_keeps_what_was_published_since() -> None:
    table = applied(RouteTable("m"), "first", "1", "2", policy="latest(2)")
    assert table.route.split == {"2": WEIGHT_SCALE}
    table = moved(table, word(table, {"1": READY, "2": READY}))
    table = registered(table, "3", "4")
    again = applied(table, "again", "1", "2", policy="latest(2)")
    assert (again.versions, again.epoch) == (table.versions, table.epoch)


def test_a_label_on_a_version_that_newer_ones_replaced_is_refused() -> None:
    table = registered(latest(1), "3")
    failure = attempt(table, Apply(ModelSpec("m", {"1": version()}, labels={"a": "1"}, policy="latest(1)")))
    assert (failure.code, failure.field) == (NOT_FOUND, "labels.a")  # type: ignore[union-attr]


def test_all_keeps_the_versions_that_a_file_leaves_out_and_the_split() -> None:
    table = applied(serving({"1": 9, "2": 1}), "all", "3", policy="all")
    assert {name: entry.leaving for name, entry in table.versions.items()} == dict.fromkeys("123", False)
    assert table.route.split == {"1": 9, "2": 1}
    assert applied(RouteTable("m"), "new", "1", "2", policy="all").route.split == {"1": WEIGHT_SCALE}


def test_all_takes_a_split_over_versions_that_its_file_leaves_out() -> None:
    spec = model({"1": 1, "3": 1}, versions={"3": version("3")})
    table = attempt(serving(), Apply(ModelSpec("m", spec.versions, spec.route, policy="all")))
    assert isinstance(table, RouteTable)
    assert table.route.split == {"1": 1, "3": 1}
