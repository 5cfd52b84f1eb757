"""What an older release wrote to topics and state is still read, and still means the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf.message import Message

from pointsman.core.spec import Limits, Route
from pointsman.core.table import VersionState
from pointsman.pb.v1 import serving_pb2
from pointsman.wire.state import table_from_bytes, word_from_pb
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
