"""What an older release wrote to topics and state is still read, and still means the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from pointsman.core.pace import FIRST
from pointsman.core.spec import DEFAULT_TOLERANCE, Limits, Route
from pointsman.core.table import Place, VersionState
from pointsman.errors import NewerRelease
from pointsman.pb.v1 import serving_pb2
from pointsman.statefun.router_state import PlanCache, RouterState
from pointsman.wire.head import read_heads
from pointsman.wire.spec import spec_from_pb
from pointsman.wire.state import SCHEMA, known, table_from_bytes, table_to_bytes, word_from_pb
from pointsman.wire.task import read_tasks
from tests.golden.make_golden import FOLDER, GUARDED, fields, files, held, values

KINDS = {kind.DESCRIPTOR.name: kind for kind in GUARDED}
FILES = sorted(FOLDER.glob("*.bin"))


def golden(name: str) -> bytes:
    return (FOLDER / f"{name}.bin").read_bytes()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_file_is_read_with_the_same_names_and_values(file: Path) -> None:
    message = KINDS[file.stem.partition("-")[0]].FromString(file.read_bytes())
    assert values(message) == json.loads(file.with_suffix(".json").read_text())


@pytest.mark.parametrize("kind", GUARDED, ids=lambda kind: kind.DESCRIPTOR.name)
def test_every_field_is_guarded(kind: type[Message]) -> None:
    guarded = {path for file in files(kind) for path in held(kind.FromString(file.read_bytes()))}
    assert set(fields(kind.DESCRIPTOR)) - guarded == set(), "run python -m tests.golden.make_golden"


def test_a_golden_table_is_the_table_it_was() -> None:
    table = table_from_bytes(golden("RouteTable-01"))
    assert (table.model, table.epoch, table.at_ms) == ("model é", 2_007, 9_007)
    assert table.route == Route(
        {"version é": 2_007}, True, ("features é", "features é"), "output é", "experiment é"
    )
    assert (table.fallback, table.labels) == ({"version é": 2_007}, {"label é": "version é"})
    assert (table.limits, table.commands) == (Limits(1_007, 2_007), (8_007, 8_007))
    entry = table.versions["version é"]
    assert (entry.state, entry.generation, entry.reason) == (VersionState.FAILED, 4_007, "reason é")
    assert (entry.leaving, entry.since_ms) == (True, 7_007)
    spec = entry.spec
    assert (spec.uri, spec.sha256, spec.runtime, spec.factory, spec.pool, spec.example) == (
        "uri é",
        "sha256 é",
        "runtime é",
        "factory é",
        "pool é",
        "example é",
    )
    assert (spec.max_batch, spec.concurrency, spec.min_ready, spec.ordered) == (9_007, 10_007, 11_007, True)
    assert spec.options == {"options key": "value é"}
    assert spec.signature is not None
    assert spec.signature.inputs[0].shape == (3_007, 3_007)


def test_a_table_says_what_was_loaded_before_and_what_stays_in_memory() -> None:
    entry = table_from_bytes(golden("RouteTable-03")).versions["version é"]
    assert (entry.proven, entry.spec.pinned) == (True, True)
    older = table_from_bytes(golden("RouteTable-02")).versions["version é"]
    assert (older.proven, older.spec.pinned) == (False, False)


def test_golden_tasks_are_the_tasks_they_were() -> None:
    batch, work = read_tasks(golden("TaskBatch-01"))
    assert (batch.model, batch.version, batch.epoch, batch.generation) == (
        "model é",
        "version é",
        4_007,
        5_007,
    )
    assert (work[0].task.id, work[0].task.decision_id, work[0].task.reply_key) == (
        "id é",
        "decision_id é",
        "reply_key é",
    )
    assert (work[0].task.deadline_ms, work[0].task.attempt) == (4_007, 5_007)


def test_a_golden_word_is_the_word_it_was() -> None:
    status = serving_pb2.PodStatus.FromString(golden("PodStatus-01"))
    assert status.leaving
    status.leaving = False
    word = word_from_pb(status)
    assert (word.pod, word.pool, word.at_ms) == ("pod é", "pool é", 5_007)
    held_version = word.held["version é"]
    assert (held_version.generation, held_version.state) == (2_007, VersionState.FAILED)
    assert (held_version.reason, held_version.sha256) == ("reason é", "sha256 é")


def test_a_table_says_what_it_has_taken_in() -> None:
    place = (Place(1_007, True, 3_007),)
    table = table_from_bytes(golden("RouteTable-02"))
    assert (table.obeyed, table.history) == (place, place)
    older = table_from_bytes(golden("RouteTable-01"))
    assert (older.obeyed, older.history) == ((), ())


def test_a_table_says_what_was_in_force_before() -> None:
    table = table_from_bytes(golden("RouteTable-03"))
    assert (table.policy, table.awaited) == ("policy é", {"label é": "version é"})
    (deployment,) = table.deployments
    assert (deployment.epoch, deployment.at_ms, deployment.actor) == (1_007, 2_007, "actor é")
    assert (deployment.split, deployment.labels) == ({"version é": 2_007}, {"label é": "version é"})
    assert deployment.generations == {"generations key": 2_007}
    spec = table.versions["version é"].spec
    assert (spec.expect, spec.tolerance) == ("expect é", 14_007)
    older = table_from_bytes(golden("RouteTable-02"))
    assert (older.policy, older.awaited, older.deployments) == ("named", {}, ())
    assert older.versions["version é"].spec.tolerance == DEFAULT_TOLERANCE


def test_a_version_says_who_stands_in_for_it_and_an_older_one_has_nobody() -> None:
    for name, fallback in (("RouteTable-02", ""), ("RouteTable-03", "fallback é")):
        assert table_from_bytes(golden(name)).versions["version é"].spec.fallback == fallback
    for name, fallback in (("TaskBatch-05", ""), ("TaskBatch-06", "fallback é")):
        assert read_tasks(golden(name))[0].fallback == fallback


@pytest.mark.parametrize("name", ["RouteTable-01", "RouteTable-02", "RouteTable-03"])
def test_a_golden_table_loses_nothing_when_it_is_written_again(name: str) -> None:
    table = table_from_bytes(golden(name))
    assert table_from_bytes(table_to_bytes(table)) == table


def router_state(**values: bytes) -> RouterState:
    state: dict[str, bytes | None] = {"table": None, "arms": None, "pods": None}
    return RouterState("model é", state | values, PlanCache())


def test_golden_arms_count_what_they_counted() -> None:
    state = router_state(table=golden("RouteTable-02"), arms=golden("Arms-02"))
    assert (state.arms.waiting_bytes, state.arms.waiting) == (2_007, 3_007)
    assert (state.arms.timer_armed, state.arms.timer_generation) == (True, 5_007)
    (totals,) = state.arms.shards
    assert (totals.version, totals.generation, totals.shard) == ("version é", 2_007, 3_007)
    assert state.interactive_load() == (0, 0)
    assert state.room().count == FIRST - max(0, totals.sent - totals.done)
    assert (totals.sent, totals.sent_bytes, totals.done, totals.failed) == (4_007, 5_007, 6_007, 8_007)


def test_golden_pods_say_what_they_said() -> None:
    (word,) = router_state(pods=golden("Pods-01")).words()
    assert (word.pod, word.pool, word.at_ms, word.held) == ("pod é", "pool é", 5_007, {})  # it was leaving


def test_a_golden_handle_is_the_version_it_was() -> None:
    handle = known(serving_pb2.Handle.FromString(golden("Handle-02")))
    assert (handle.model, handle.version, handle.generation) == ("model é", "version é", 3_007)
    spec = spec_from_pb(handle.spec)
    assert (spec.uri, spec.pool, spec.max_batch) == ("uri é", "pool é", 9_007)
    assert spec.signature is not None


def test_golden_totals_are_the_totals_they_were() -> None:
    totals = known(serving_pb2.BatchReport.FromString(golden("BatchReport-02")))
    assert (totals.version, totals.generation, totals.shard) == ("version é", 2_007, 3_007)
    assert (totals.done, totals.done_bytes, totals.failed) == (4_007, 5_007, 6_007)
    assert (totals.rows, totals.batches, totals.compute_us) == (7_007, 8_007, 9_007)
    assert (totals.reported_done, totals.reported_at_ms, totals.flush_armed) == (10_007, 11_007, True)


def test_golden_requests_that_wait_are_the_requests_they_were() -> None:
    parked = serving_pb2.Parked.FromString(golden("Parked-01"))
    assert (parked.attempt, parked.bytes, parked.count) == (2_007, 3_007, 4_007)
    (head,) = read_heads(parked.batch)
    assert (head.timestamp_ms, head.model) == (4_007, "model é")


def test_a_golden_timer_is_the_timer_it_was() -> None:
    for name, times_late in (("Tick-01", 0), ("Tick-02", 4_007)):
        tick = serving_pb2.Tick.FromString(golden(name))
        assert (tick.generation, tick.due_ms, tick.late) == (1_007, 2_007, True)
        assert tick.times_late == times_late


def test_what_is_kept_is_read_by_the_same_schema_and_not_by_an_older_one() -> None:
    kept: list[Any] = [kind for kind in GUARDED if "schema" in kind.DESCRIPTOR.fields_by_name]
    assert len(kept) == 5
    for kind in kept:
        message = kind(schema=SCHEMA)
        assert known(message) is message
        with pytest.raises(NewerRelease, match=f"{kind.DESCRIPTOR.name} has schema {SCHEMA + 1}"):
            known(kind(schema=SCHEMA + 1))
