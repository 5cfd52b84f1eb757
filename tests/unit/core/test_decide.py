"""Which version serves a request."""

from __future__ import annotations

import pytest

from pointsman.core.commands import Apply, Retire
from pointsman.core.decide import SHOWN, Wait, choose, plan
from pointsman.core.split import MAX_WEIGHT
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.errors import FAILED_PRECONDITION, NOT_FOUND, UNAVAILABLE, Failure
from tests.unit.core.tables import done, model, moved, serving, version, word

READY, FAILED, LOADING = VersionState.READY, VersionState.FAILED, VersionState.LOADING


def chosen(table: RouteTable, version: str = "", label: str = "") -> VersionEntry | Failure | Wait | None:
    return choose(plan(table), version, label)


def with_states(**states: VersionState) -> RouteTable:
    """Return a table of versions v1, v2, ... in these states."""
    table = done(RouteTable("m"), Apply(model(dict.fromkeys(states, 1))), "apply")
    return moved(table, word(table, states, reason="it broke"))


def test_a_request_that_names_nothing_is_left_to_the_split() -> None:
    table = serving({"1": 3, "2": 1})
    assert chosen(table) is None
    split = plan(table).split
    assert split is not None
    assert (split.names, split.weights) == (("1", "2"), (3, 1))


def test_an_explicit_version_wins_even_without_weight() -> None:
    table = serving({"1": 1, "2": 0})
    assert chosen(table, version="2") == table.versions["2"]


def test_a_label_leads_to_its_version_and_a_version_beats_a_label() -> None:
    table = serving(labels={"stable": "1"})
    assert chosen(table, label="stable") == table.versions["1"]
    assert chosen(table, version="2", label="stable") == table.versions["2"]


@pytest.mark.parametrize(("version", "label", "field"), [("9", "", "version"), ("", "prod", "label")])
def test_an_unknown_version_or_label_is_not_found(version: str, label: str, field: str) -> None:
    failure = chosen(serving(), version, label)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.field) == (NOT_FOUND, field)


@pytest.mark.parametrize("state", [VersionState.REGISTERED, LOADING, VersionState.WARMING])
def test_an_explicit_version_that_is_on_its_way_is_waited_for(state: VersionState) -> None:
    assert isinstance(chosen(with_states(v1=READY, v2=state), version="v2"), Wait)


def test_an_unreachable_version_is_waited_for() -> None:
    table = moved(serving({"1": 1}))
    assert isinstance(chosen(table, version="1"), Wait)
    assert isinstance(plan(table).no_split, Wait)


def test_an_explicit_version_that_failed_is_unavailable_with_its_reason() -> None:
    failure = chosen(with_states(v1=READY, v2=FAILED), version="v2")
    assert isinstance(failure, Failure)
    assert failure.code == UNAVAILABLE
    assert "it broke" in failure.message


def test_a_draining_version_is_refused() -> None:
    table = done(serving(), Retire(("1",)), "retire")
    table = moved(table, word(table, {"1": READY, "2": READY}), inflight={"1": 1})
    failure = chosen(table, version="1")
    assert isinstance(failure, Failure)
    assert failure.code == FAILED_PRECONDITION


def test_only_ready_versions_take_part_in_the_split() -> None:
    split = plan(with_states(v1=READY, v2=LOADING, v3=READY)).split
    assert split is not None
    assert split.names == ("v1", "v3")


def test_without_a_ready_version_requests_wait_while_one_may_become_ready() -> None:
    waiting = plan(with_states(v1=LOADING, v2=FAILED))
    assert waiting.split is None
    assert isinstance(waiting.no_split, Wait)


def test_when_every_version_failed_requests_fail_with_all_reasons() -> None:
    verdict = plan(with_states(v1=FAILED, v2=FAILED)).no_split
    assert isinstance(verdict, Failure)
    assert verdict.code == UNAVAILABLE
    assert "v1: it broke; v2: it broke" in verdict.message


def test_a_model_without_versions_is_unknown() -> None:
    verdict = plan(RouteTable("m")).no_split
    assert isinstance(verdict, Failure)
    assert (verdict.code, verdict.field) == (NOT_FOUND, "model")


def test_the_experiment_salts_the_split_and_defaults_to_the_model() -> None:
    plain, named = (
        plan(serving({"1": 1, "2": 1})).split,
        plan(serving({"1": 1, "2": 1}, experiment="m")).split,
    )
    other = plan(serving({"1": 1, "2": 1}, experiment="x")).split
    assert plain == named
    assert plain != other


@pytest.mark.parametrize("named", [{"version": "\0" * 100_000}, {"label": "\0" * 100_000}])
def test_a_refusal_repeats_only_the_beginning_of_a_long_name(named: dict[str, str]) -> None:
    failure = chosen(serving(), **named)
    assert isinstance(failure, Failure)
    assert len(failure.message) < 100 + len(repr("\0" * SHOWN))


def with_fallback(first: VersionState, second: VersionState) -> RouteTable:
    """Return a table of v1, whose fallback is v2 without weight, in these states."""
    versions = {"v1": version("v1", fallback="v2"), "v2": version("v2")}
    table = done(RouteTable("m"), Apply(model({"v1": 1}, versions=versions)), "apply")
    return moved(table, word(table, {"v1": first, "v2": second}, reason="it broke"))


@pytest.mark.parametrize("state", [FAILED, LOADING])
def test_a_version_that_is_not_ready_has_its_fallback_answer_by_name_and_by_split(
    state: VersionState,
) -> None:
    table = with_fallback(state, READY)
    assert chosen(table, version="v1") == table.versions["v2"]
    split = plan(table).split
    assert split is not None
    assert split.names == ("v2",)


def test_a_fallback_that_is_not_ready_itself_changes_nothing() -> None:
    table = with_fallback(LOADING, LOADING)
    assert isinstance(chosen(table, version="v1"), Wait)
    assert plan(table).split is None


def test_a_ready_version_answers_itself() -> None:
    table = with_fallback(READY, READY)
    assert chosen(table, version="v1") == table.versions["v1"]
    split = plan(table).split
    assert split is not None
    assert split.names == ("v1",)


def test_the_weight_of_one_that_stands_in_for_several_stays_within_what_a_split_takes() -> None:
    versions = {name: version(name, fallback="v3") for name in ("v1", "v2")} | {"v3": version("v3")}
    table = done(RouteTable("m"), Apply(model({"v1": MAX_WEIGHT, "v2": 1}, versions=versions)), "apply")
    split = plan(moved(table, word(table, {"v1": LOADING, "v2": FAILED, "v3": READY}))).split
    assert split is not None
    assert (split.names, split.weights) == (("v3",), (MAX_WEIGHT,))
