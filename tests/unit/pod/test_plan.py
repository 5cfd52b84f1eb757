from __future__ import annotations

import pytest

from pointsman.core.spec import VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.pod.plan import wanted
from pointsman.runtimes.base import Key


def table(**states: VersionState) -> RouteTable:
    return RouteTable(
        "digits",
        versions={
            name: VersionEntry(name, VersionSpec(uri="file:///a", pool="gpu"), state, 7)
            for name, state in states.items()
        },
    )


@pytest.mark.parametrize("state", [state for state in VersionState if state is not VersionState.RETIRED])
def test_every_state_but_retired_is_held(state: VersionState) -> None:
    assert list(wanted(table(v1=state), "gpu")) == [Key("digits", "v1", 7)]


def test_a_retired_version_is_not_held() -> None:
    assert wanted(table(v1=VersionState.RETIRED, v2=VersionState.READY), "gpu").keys() == {
        Key("digits", "v2", 7)
    }


def test_another_pools_versions_are_not_held() -> None:
    assert wanted(table(v1=VersionState.READY), "default") == {}
