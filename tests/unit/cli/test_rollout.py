"""Who waits for versions is told when there is nothing to wait for any more."""

from __future__ import annotations

import json

import pytest

from pointsman.cli.output import Output
from pointsman.cli.rollout import Rollout
from pointsman.core.commands import Apply, Register, Retire, SetPolicy
from pointsman.core.table import RouteTable, VersionState
from pointsman.errors import Refused
from tests.unit.core.tables import done, model, moved, serving, version, word

LOADING, READY, FAILED = VersionState.LOADING, VersionState.READY, VersionState.FAILED


def published(*names: str) -> RouteTable:
    """Return a table of the policy latest(1), version 1 of which serves, with these published."""
    table = done(serving({"1": 1}), SetPolicy("latest(1)"), "policy")
    for name in names:
        table = done(table, Register({name: version(name)}), name)
    return table


def test_a_version_that_loads_is_waited_for_until_it_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    rollout, table = Rollout(Output(as_json=True), "2"), published("2")
    loading = moved(table, word(table, {"1": READY, "2": LOADING}))
    assert not rollout.is_over(loading)
    assert not rollout.is_over(loading)
    assert rollout.pending == "2 LOADING"
    assert rollout.is_over(moved(table, word(table, {"1": READY, "2": READY})))
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["version"], one["state"]) for one in said] == [("2", "LOADING"), ("2", "READY")]


def test_a_version_that_a_newer_one_replaces_first_is_not_waited_for() -> None:
    table = published("2", "3")
    rollout = Rollout(Output(), "2")
    assert not rollout.is_over(moved(table, word(table, {"1": READY, "2": LOADING})))
    replaced = moved(table, word(table, {"1": READY, "2": LOADING, "3": READY}), inflight={"2": 1})
    assert replaced.versions["2"].leaving
    with pytest.raises(Refused, match="version 2: replaced by a newer one"):
        rollout.is_over(replaced)


def test_a_version_that_is_gone_already_is_no_success() -> None:
    table = published("2", "3")
    table = moved(table, word(table, {"1": READY, "3": READY}))
    assert set(table.versions) == {"3"}
    with pytest.raises(Refused, match="version 2: replaced by a newer one"):
        Rollout(Output(), "2").is_over(table)
    with pytest.raises(Refused, match="version 9: it is gone"):
        Rollout(Output(), "9").is_over(serving())


def test_a_version_that_served_and_leaves_did_load() -> None:
    table = done(serving(), Retire(("2",)), "retire")
    assert Rollout(Output(), "2").is_over(table)


def test_of_a_whole_model_those_count_that_stay() -> None:
    table = done(serving({"1": 1}), Apply(model({"1": 1, "2": 1})), "two")
    rollout = Rollout(Output())
    assert not rollout.is_over(moved(table, word(table, {"1": READY, "2": LOADING})))
    table = moved(table, word(table, {"1": READY, "2": FAILED}))
    table = done(table, Retire(("2",)), "retire")
    assert rollout.is_over(table)
    assert rollout.is_over(moved(table, word(table, {"1": READY})))
    with pytest.raises(Refused, match="version 1: no memory"):
        rollout.is_over(moved(table, word(table, {"1": FAILED}, reason="no memory")))
