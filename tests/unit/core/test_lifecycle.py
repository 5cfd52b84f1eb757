"""From the pods' words to the state of every version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.commands import Apply, Retire, SetSplit
from pointsman.core.lifecycle import (
    DRAIN_LIMIT_MS,
    MISSED,
    SLOWEST_MS,
    Held,
    PodWord,
    changes,
    is_spoken,
    patience_ms,
)
from pointsman.core.table import RouteTable, VersionState, effective_split
from pointsman.core.tensor import Signature, TensorSpec
from tests.unit.core.tables import NOW, SILENCE, done, model, moved, serving, states, version, word

REGISTERED, LOADING, WARMING, READY = (
    VersionState.REGISTERED,
    VersionState.LOADING,
    VersionState.WARMING,
    VersionState.READY,
)
DRAINING, UNREACHABLE, FAILED = VersionState.DRAINING, VersionState.UNREACHABLE, VersionState.FAILED


def registered(min_ready: int = 1, pool: str = "default") -> RouteTable:
    """Return a table with one new version."""
    spec = model({"1": 1}, versions={"1": version("1", min_ready=min_ready, pool=pool)})
    return done(RouteTable("m"), Apply(spec), "apply")


def test_a_version_that_nobody_reports_stays_loading_with_its_pool_in_the_reason() -> None:
    table = registered(pool="defautl")
    for later in range(3):
        table = moved(table, word(table, {"1": READY}, pool="default"), now_ms=NOW + later)
    assert states(table) == {"1": LOADING}
    assert "no pod of pool 'defautl'" in table.versions["1"].reason
    assert effective_split(table) == {}


@pytest.mark.parametrize("state", [LOADING, WARMING, READY, FAILED])
def test_one_pod_carries_a_version_through_its_life(state: VersionState) -> None:
    table = registered()
    assert states(moved(table, word(table, {"1": state}))) == {"1": state}


def test_a_version_is_ready_when_min_ready_pods_hold_it() -> None:
    table = registered(min_ready=2)
    first = word(table, {"1": READY}, pod="p1")
    table = moved(table, first)
    assert states(table) == {"1": WARMING}
    assert states(moved(table, first, word(table, {"1": READY}, pod="p2"))) == {"1": READY}


def test_a_version_is_proven_once_a_pod_has_loaded_it_and_until_one_fails_to() -> None:
    table = registered()
    assert not table.versions["1"].proven
    for state, proven in (
        (LOADING, False),
        (READY, True),
        (LOADING, True),
        (FAILED, False),
        (LOADING, False),
    ):
        table = moved(table, word(table, {"1": state}))
        assert (states(table), table.versions["1"].proven) == ({"1": state}, proven)


@pytest.mark.parametrize(
    ("every_ms", "patience"),
    [(0, SILENCE), (2_000, SILENCE), (20_000, 60_000), (10**9, MISSED * SLOWEST_MS)],
)
def test_a_pod_is_believed_for_as_long_as_it_may_be_silent(every_ms: int, patience: int) -> None:
    assert patience_ms(every_ms, SILENCE) == patience


def test_a_ready_version_stays_ready_until_its_last_pod() -> None:
    table = registered(min_ready=2)
    both = [word(table, {"1": READY}, pod=pod) for pod in ("p1", "p2")]
    table = moved(table, *both)
    table = moved(table, both[0])
    assert states(table) == {"1": READY}
    table = moved(table)
    assert states(table) == {"1": UNREACHABLE}
    assert "fell silent" in table.versions["1"].reason


@pytest.mark.parametrize(("late", "state"), [(0, READY), (1, WARMING)])
def test_a_word_is_in_doubt_one_millisecond_after_the_limit(late: int, state: VersionState) -> None:
    table = registered(min_ready=2)
    old = word(table, {"1": READY}, pod="p1")
    new = word(table, {"1": READY}, pod="p2", at_ms=NOW + SILENCE)
    assert states(moved(table, old, new, now_ms=NOW + SILENCE + late)) == {"1": state}


@pytest.mark.parametrize("state", [LOADING, WARMING, READY, FAILED])
def test_a_word_in_doubt_keeps_a_version_where_it_is(state: VersionState) -> None:
    table = registered()
    said = word(table, {"1": state}, reason="no memory" if state is FAILED else "")
    table = moved(table, said)
    assert moved(table, said, now_ms=NOW + 10 * SILENCE) == table


@pytest.mark.parametrize("was", [LOADING, WARMING, FAILED])
def test_a_word_in_doubt_makes_no_version_ready(was: VersionState) -> None:
    table = registered()
    table = moved(table, word(table, {"1": was}))
    later = NOW + 2 * SILENCE
    gone = word(table, {"1": READY}, pod="p0")
    assert states(moved(table, gone, now_ms=later)) == {"1": UNREACHABLE if was is not LOADING else LOADING}
    loads = word(table, {"1": LOADING}, pod="p2", at_ms=later)
    assert states(moved(table, gone, loads, now_ms=later)) == {"1": LOADING}


@pytest.mark.parametrize("state", [LOADING, WARMING, READY])
def test_an_unreachable_version_comes_back_with_its_pod(state: VersionState) -> None:
    table = moved(serving({"1": 1}))
    assert states(table) == {"1": UNREACHABLE}
    assert states(moved(table, word(table, {"1": state}, pod="new"))) == {"1": state}


def test_a_failed_version_says_why_and_may_recover() -> None:
    table = registered()
    table = moved(table, word(table, {"1": FAILED}, reason="the digest differs"))
    assert (table.versions["1"].state, table.versions["1"].reason) == (FAILED, "the digest differs")
    assert states(moved(table, word(table, {"1": READY}))) == {"1": READY}


def test_one_ready_pod_outweighs_a_failed_one() -> None:
    table = registered()
    words = [word(table, {"1": FAILED}, pod="p1", reason="disk"), word(table, {"1": READY}, pod="p2")]
    assert states(moved(table, *words)) == {"1": READY}


@pytest.mark.parametrize(("generation", "state"), [(1, READY), (2, LOADING), (0, READY)])
def test_a_word_counts_for_its_generation_and_for_any_if_it_knows_none(
    generation: int, state: VersionState
) -> None:
    table = registered()
    assert table.versions["1"].generation == 1
    said = PodWord("p1", "default", NOW, {"1": Held(generation, READY)})
    assert states(moved(table, said)) == {"1": state}


def test_a_word_from_another_pool_does_not_count() -> None:
    table = registered(pool="gpu")
    assert states(moved(table, word(table, {"1": READY}, pool="default"))) == {"1": LOADING}


def test_a_ready_pod_fills_in_signature_and_digest() -> None:
    table = registered()
    signature = Signature((TensorSpec("x", "FP32", (-1, 3)),))
    spec = moved(table, word(table, {"1": READY}, signature=signature, sha256="f" * 64)).versions["1"].spec
    assert (spec.signature, spec.sha256) == (signature, "f" * 64)


def test_what_the_author_declared_is_not_overruled_by_a_pod() -> None:
    declared = Signature((TensorSpec("x", "FP32", (-1, 3)),))
    table = done(RouteTable("m"), Apply(model({"1": 1}, versions={"1": version("1", signature=declared)})))
    other = Signature((TensorSpec("y", "FP64", (-1,)),))
    assert moved(table, word(table, {"1": READY}, signature=other)).versions["1"].spec.signature == declared


def test_the_old_version_serves_until_the_new_one_is_ready() -> None:
    table = serving({"1": 1})
    table = done(table, Apply(model({"2": 1})), "successor")
    old = word(table, {"1": READY})
    for state in (LOADING, WARMING):
        table = moved(table, old, word(table, {"2": state}, pod="p2"))
        assert effective_split(table) == {"1": 1}
        assert states(table) == {"1": READY, "2": state}
    table = moved(table, old, word(table, {"2": READY}, pod="p2"), inflight={"1": 3})
    assert effective_split(table) == {"2": 1}
    assert states(table) == {"1": DRAINING, "2": READY}


def test_a_split_moved_to_a_version_that_is_not_ready_waits_for_it() -> None:
    table = serving({"1": 1})
    table = done(table, Apply(model({"1": 1, "2": 0})), "add")
    table = done(table, SetSplit({"2": 1}), "shift")
    old = word(table, {"1": READY})
    table = moved(table, old)
    assert effective_split(table) == {"1": 1}
    table = moved(table, old, word(table, {"2": READY}, pod="p2"))
    assert effective_split(table) == {"2": 1}


def draining(inflight: int = 1) -> RouteTable:
    """Return a table whose version 1 drains."""
    table = done(serving(), Apply(model({"2": 1}, labels={})), "without")
    return moved(table, word(table, {"1": READY, "2": READY}), inflight={"1": inflight})


def test_a_leaving_version_drains_and_retires_when_nothing_is_in_flight() -> None:
    table = draining()
    assert states(table) == {"1": DRAINING, "2": READY}
    still = moved(table, word(table, {"1": READY, "2": READY}), inflight={"1": 1})
    assert still == table
    assert states(moved(table, word(table, {"2": READY}), inflight={"1": 0})) == {"2": READY}


@pytest.mark.parametrize(("late", "left"), [(0, {"1", "2"}), (1, {"2"})])
def test_a_draining_version_goes_at_its_limit_whatever_is_in_flight(late: int, left: set[str]) -> None:
    table = draining()
    now = NOW + DRAIN_LIMIT_MS + late
    assert (
        set(moved(table, word(table, {"2": READY}, at_ms=now), now_ms=now, inflight={"1": 1}).versions)
        == left
    )


def test_a_retired_version_takes_its_labels_along_and_is_reported() -> None:
    table = done(
        serving(labels={"old": "1", "new": "2"}), Apply(model({"2": 1}, labels={"new": "2"})), "without"
    )
    after = moved(table, word(table, {"1": READY, "2": READY}))
    assert after.labels == {"new": "2"}
    assert [(event.version, event.state) for event in changes(table, after)] == [("1", "RETIRED")]


def test_a_retired_version_registers_anew_under_a_higher_generation() -> None:
    table = draining()
    first = table.versions["1"].generation
    table = moved(table, word(table, {"2": READY}))
    table = done(table, Apply(model()), "again")
    assert table.versions["1"].generation > first
    assert table.versions["1"].state is REGISTERED
    assert table.versions["1"].generation == table.epoch


def test_a_version_that_never_served_leaves_at_once() -> None:
    table = done(registered(), Apply(model({}, versions={})), "none")
    assert moved(table).versions == {}


def test_every_version_of_a_retired_model_goes() -> None:
    table = done(serving(), Retire(("1", "2")), "all")
    after = moved(table, word(table, {"1": READY, "2": READY}))
    assert after.versions == {}
    assert after.epoch > table.epoch


def test_a_look_that_moves_nothing_keeps_the_epoch() -> None:
    table = serving()
    assert moved(table, word(table, {"1": READY, "2": READY}), now_ms=NOW + 5) == table


def test_changes_tell_of_each_state_and_reason() -> None:
    table = registered()
    after = moved(table, word(table, {"1": FAILED}, reason="no memory"))
    assert [(event.version, event.state, event.reason, event.epoch) for event in changes(table, after)] == [
        ("1", "FAILED", "no memory", after.epoch)
    ]
    assert changes(after, after) == []


words = st.lists(
    st.tuples(
        st.sampled_from(["p1", "p2", "p3"]),
        st.sampled_from(["default", "gpu"]),
        st.sampled_from([REGISTERED, LOADING, WARMING, READY, FAILED]),
        st.integers(NOW - 2 * SILENCE, NOW),
    ),
    max_size=4,
    unique_by=lambda one: one[0],
)


@given(words, st.integers(1, 3))
def test_no_version_becomes_ready_without_a_pod_of_its_pool(
    said: list[tuple[str, str, VersionState, int]], min_ready: int
) -> None:
    table = registered(min_ready)
    pods = [word(table, {"1": state}, pod=pod, pool=pool, at_ms=at) for pod, pool, state, at in said]
    holding = [
        pod for pod, pool, state, at in said if pool == "default" and state is READY and NOW - at <= SILENCE
    ]
    is_ready = states(moved(table, *pods)) == {"1": READY}
    assert is_ready == (len(holding) >= min_ready)


def test_a_version_that_is_loading_says_why_it_still_is_and_a_pod_has_spoken_of_it() -> None:
    table = registered()
    unheard = moved(table)
    assert unheard.versions["1"].reason
    assert not is_spoken(unheard.versions["1"])
    heard = moved(table, word(table, {"1": LOADING}, reason="the remote cannot be reached"))
    entry = heard.versions["1"]
    assert (entry.state, entry.reason) == (LOADING, "the remote cannot be reached")
    assert is_spoken(entry)
    assert moved(heard, word(heard, {"1": LOADING})).versions["1"].reason == ""
