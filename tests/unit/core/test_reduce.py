"""Commands that are obeyed."""

from __future__ import annotations

import msgspec
import pytest

from pointsman.core.commands import Apply, Body, Register, Retire, SetLabels, SetSplit
from pointsman.core.reduce import Facts
from pointsman.core.spec import WEIGHT_SCALE, Limits
from pointsman.core.table import REMEMBERED_COMMANDS, RouteTable, VersionState, same_routing
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import ABORTED, FAILED_PRECONDITION
from tests.unit.core.tables import done, model, moved, refused, serving, states, version, word

EMPTY = RouteTable("m")


def test_apply_registers_versions_under_the_next_epoch() -> None:
    table = done(EMPTY, Apply(model({"1": 9, "2": 1}, labels={"stable": "1"})), now_ms=77)
    assert states(table) == {"1": VersionState.REGISTERED, "2": VersionState.REGISTERED}
    assert (table.epoch, table.at_ms, table.labels, table.route.split) == (
        1,
        77,
        {"stable": "1"},
        {"1": 9, "2": 1},
    )
    assert {entry.generation for entry in table.versions.values()} == {1}


@pytest.mark.parametrize(
    "body",
    [
        Apply(model({"1": 1})),
        SetSplit({"1": 1, "2": 5}),
        SetLabels({"canary": "2"}),
        Retire(("2",)),
    ],
    ids=lambda body: type(body).__name__,
)
def test_a_repeated_command_returns_the_table_itself(body: Body) -> None:
    table = done(serving(), body, "same id")
    assert done(table, body, "same id") is table
    assert done(table, SetSplit({"1": 3}), "same id") is table


@pytest.mark.parametrize(
    "body",
    [Apply(model()), SetSplit({"1": 900, "2": 100}), SetLabels({}), Retire(())],
    ids=lambda body: type(body).__name__,
)
def test_a_command_that_changes_nothing_keeps_the_epoch_and_is_remembered(body: Body) -> None:
    table = serving()
    again = done(table, body, "another id", now_ms=9)
    assert same_routing(again, table)
    assert (again.epoch, again.at_ms, len(again.commands)) == (
        table.epoch,
        table.at_ms,
        len(table.commands) + 1,
    )


def test_applying_the_same_file_again_keeps_what_the_pods_reported() -> None:
    table = done(EMPTY, Apply(model({"1": 1})))
    signature = Signature((TensorSpec("x", "FP32", (-1, 4)),))
    ready = moved(table, word(table, {"1": VersionState.READY}, signature=signature, sha256="a" * 64))
    assert ready.versions["1"].spec.signature == signature
    again = done(ready, Apply(model({"1": 1})), "again")
    assert again.epoch == ready.epoch
    assert again.versions == ready.versions


def test_a_command_may_expect_the_epoch_it_was_made_for() -> None:
    table = serving()
    after = done(table, SetSplit({"1": 1}), expected_epoch=table.epoch)
    assert after.epoch == table.epoch + 1
    failure = refused(after, SetSplit({"2": 1}), "late", expected_epoch=table.epoch)
    assert (failure.code, failure.field, failure.retryable) == (ABORTED, "expected_epoch", True)


def test_a_repeat_is_a_repeat_even_if_its_epoch_has_passed() -> None:
    table = serving()
    after = done(table, SetSplit({"1": 1}), "once", expected_epoch=table.epoch)
    assert done(after, SetSplit({"1": 1}), "once", expected_epoch=table.epoch) is after


def test_the_last_256_commands_are_remembered() -> None:
    table = serving()
    for number in range(REMEMBERED_COMMANDS + 1):
        table = done(table, SetSplit({"1": number + 1}), f"c{number}")
    assert len(table.commands) == REMEMBERED_COMMANDS
    assert done(table, SetSplit({"1": 7}), "c1") is table
    assert done(table, SetSplit({"1": 7}), "c0").epoch == table.epoch + 1


def test_a_split_leaves_out_whom_it_does_not_name() -> None:
    table = done(serving({"1": 1, "2": 1}), SetSplit({"2": 5}))
    assert table.route.split == {"2": 5}
    assert set(table.versions) == {"1", "2"}


def test_a_split_keeps_the_rest_of_the_route() -> None:
    table = done(EMPTY, Apply(model({"1": 1}, features=("a",), experiment="e", sticky=False)))
    route = done(table, SetSplit({"1": 2}), "s").route
    assert (route.features, route.experiment, route.sticky) == (("a",), "e", False)


def test_labels_are_merged_and_an_empty_version_removes_one() -> None:
    table = serving(labels={"stable": "1", "canary": "2"})
    table = done(table, SetLabels({"canary": "", "next": "2", "unknown": ""}))
    assert table.labels == {"stable": "1", "next": "2"}


def test_a_label_with_an_empty_version_is_not_applied() -> None:
    assert done(EMPTY, Apply(model({"1": 1}, labels={"stable": ""}))).labels == {}


def test_a_version_left_out_of_an_apply_is_leaving_and_comes_back_when_applied_again() -> None:
    table = serving({"1": 1, "2": 1})
    without = done(table, Apply(model({"2": 1})), "without")
    assert (without.versions["1"].leaving, without.versions["2"].leaving) == (True, False)
    assert without.versions["1"].state is VersionState.READY
    again = done(without, Apply(model({"1": 1, "2": 1})), "again")
    assert again.versions == table.versions


def test_a_registered_version_joins_the_others_without_traffic() -> None:
    before = serving({"1": 1, "2": 1}, labels={"stable": "1"})
    table = done(before, Register({"3": version("3")}))
    assert set(table.versions) == {"1", "2", "3"}
    assert table.versions["3"].state is VersionState.REGISTERED
    assert (table.route, table.labels, table.limits) == (before.route, before.labels, before.limits)
    assert {name: table.versions[name] for name in "12"} == before.versions
    assert table.epoch == before.epoch + 1


def test_the_first_registered_version_of_a_model_gets_its_traffic() -> None:
    table = done(EMPTY, Register({"1": version("1")}))
    assert table.route.split == {"1": WEIGHT_SCALE}
    assert done(table, Register({"2": version("2")}), "second").route == table.route
    gone = done(table, Retire(("1",)), "gone")
    assert done(gone, Register({"2": version("2")}), "other").route.split == {"2": WEIGHT_SCALE}


def test_a_version_registered_again_is_the_same_or_refused() -> None:
    table = serving()
    assert done(table, Register({"2": table.versions["2"].spec}), "same").versions == table.versions
    failure = refused(table, Register({"2": version("other")}))
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "versions.2.uri")


def test_retire_takes_weight_and_labels_from_a_version() -> None:
    table = done(serving(labels={"canary": "2", "stable": "1"}), Retire(("2",)))
    assert table.versions["2"].leaving
    assert (table.route.split, table.labels) == ({"1": 900}, {"stable": "1"})


def test_all_versions_may_retire_together() -> None:
    table = done(serving(), Retire(("1", "2")))
    assert all(entry.leaving for entry in table.versions.values())
    assert table.route.split == {}


def test_an_apply_without_versions_retires_the_model() -> None:
    table = done(serving(), Apply(model({}, versions={})))
    assert all(entry.leaving for entry in table.versions.values())


def test_serving_options_change_in_place() -> None:
    table = serving({"1": 1})
    wanted = {"1": version("1", max_batch=8, concurrency=5, min_ready=2, ordered=True, pinned=True)}
    wanted["1"] = msgspec.structs.replace(wanted["1"], isolation="process", compute_timeout=500, memory=2**29)
    after = done(table, Apply(model({"1": 1}, versions=wanted)), "options")
    entry = after.versions["1"]
    assert (entry.generation, entry.state) == (table.versions["1"].generation, VersionState.READY)
    assert (entry.spec.max_batch, entry.spec.concurrency, entry.spec.ordered) == (8, 5, True)
    assert entry.spec.pinned
    assert (entry.spec.isolation, entry.spec.compute_timeout, entry.spec.memory) == ("process", 500, 2**29)


def test_limits_are_part_of_the_desired_state() -> None:
    spec = msgspec.structs.replace(model({"1": 1}), limits=Limits(10, 2_000))
    assert done(EMPTY, Apply(spec)).limits == Limits(10, 2_000)


def test_an_allowed_output_topic_is_taken() -> None:
    facts = Facts(0, frozenset({"mine"}))
    assert done(EMPTY, Apply(model({"1": 1}, output="mine")), facts=facts).route.output == "mine"
