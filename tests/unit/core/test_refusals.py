"""Commands that are refused: with a code, the field to blame and a sentence, and nothing changes."""

from __future__ import annotations

from typing import Any

import msgspec
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
from pointsman.core.reduce import MAX_TABLE_BYTES, Facts
from pointsman.core.spec import Limits, ModelSpec, Step
from pointsman.core.split import MAX_WEIGHT
from pointsman.core.table import RouteTable, VersionState
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND
from tests.unit.core.tables import done, model, moved, refused, serving, version, word

LONG = "n" * 64


def one(**fields: Any) -> Apply:
    """Return an apply of one version with these fields."""
    return Apply(model({"1": 1}, versions={"1": version("1", **fields)}))


def signed(*inputs: TensorSpec) -> Apply:
    return one(signature=Signature(inputs))


def limited(**limits: int) -> Apply:
    return Apply(msgspec.structs.replace(model(), limits=Limits(**limits)))


BAD: list[tuple[Body, str, str]] = [
    (SetSplit({"1": -1, "2": 1}), INVALID_ARGUMENT, "split.1"),
    (SetSplit({"1": MAX_WEIGHT + 1}), INVALID_ARGUMENT, "split.1"),
    (SetSplit({"1": 0, "2": 0}), INVALID_ARGUMENT, "split"),
    (SetSplit({}), INVALID_ARGUMENT, "split"),
    (SetSplit({"1": 1, "9": 1}), NOT_FOUND, "split.9"),
    (SetLabels({"stable": "9"}), NOT_FOUND, "labels.stable"),
    (SetLabels({"Not A Name": "1"}), INVALID_ARGUMENT, "labels.Not A Name"),
    (Register({}), INVALID_ARGUMENT, "register"),
    (Register({"a/b": version()}), INVALID_ARGUMENT, "versions.a/b"),
    (Register({"7": version(uri="")}), INVALID_ARGUMENT, "versions.7.uri"),
    (Retire(("9",)), NOT_FOUND, "retire.9"),
    (Retire(("1", "9")), NOT_FOUND, "retire.9"),
    (Promote("9"), NOT_FOUND, "promote.version"),
    (Promote("2", ("a/b",)), INVALID_ARGUMENT, "labels.a/b"),
    (Rollback(), FAILED_PRECONDITION, "rollback"),
    (Rollback(99), NOT_FOUND, "rollback.to"),
    (SetPolicy("latest"), INVALID_ARGUMENT, "policy"),
    (SetPolicy("latest(0)"), INVALID_ARGUMENT, "policy"),
    (Apply(msgspec.structs.replace(model(), policy="newest")), INVALID_ARGUMENT, "policy"),
    (Apply(msgspec.structs.replace(model(), policy="latest(1)")), INVALID_ARGUMENT, "route.split"),
    (
        Apply(ModelSpec("m", {"blue": version()}, policy="latest(1)")),
        INVALID_ARGUMENT,
        "policy",
    ),
    (one(expect="file:///a.npz"), INVALID_ARGUMENT, "versions.1.expect"),
    (one(tolerance=0.0), INVALID_ARGUMENT, "versions.1.tolerance"),
    (one(tolerance=float("nan")), INVALID_ARGUMENT, "versions.1.tolerance"),
    (Apply(model({"1": -1})), INVALID_ARGUMENT, "route.split.1"),
    (Apply(model({"1": 0})), INVALID_ARGUMENT, "route.split"),
    (Apply(model({"9": 1}, versions={"1": version()})), NOT_FOUND, "route.split.9"),
    (Apply(model({"1": 1}, versions={})), INVALID_ARGUMENT, "route.split"),
    (Apply(model({"1": 1}, labels={"stable": "9"})), NOT_FOUND, "labels.stable"),
    (Apply(model({"1": 1}, labels={"a/b": "1"})), INVALID_ARGUMENT, "labels.a/b"),
    (Apply(model({"1": 1}, output="secrets")), INVALID_ARGUMENT, "route.output"),
    (Apply(ModelSpec("..", {})), INVALID_ARGUMENT, "model"),
    (Apply(ModelSpec(LONG, {})), INVALID_ARGUMENT, "model"),
    (Apply(model({"a/b": 1})), INVALID_ARGUMENT, "versions.a/b"),
    (Apply(model({"": 1})), INVALID_ARGUMENT, "versions."),
    (Apply(model({"1\n": 1})), INVALID_ARGUMENT, "versions.1\n"),
    (Apply(model({LONG: 1})), INVALID_ARGUMENT, f"versions.{LONG}"),
    (one(uri=""), INVALID_ARGUMENT, "versions.1.uri"),
    (one(pool="a/b"), INVALID_ARGUMENT, "versions.1.pool"),
    (one(pool=".."), INVALID_ARGUMENT, "versions.1.pool"),
    (one(max_batch=0), INVALID_ARGUMENT, "versions.1.max_batch"),
    (one(max_batch=65_537), INVALID_ARGUMENT, "versions.1.max_batch"),
    (one(concurrency=65), INVALID_ARGUMENT, "versions.1.concurrency"),
    (one(min_ready=0), INVALID_ARGUMENT, "versions.1.min_ready"),
    (one(isolation="vm"), INVALID_ARGUMENT, "versions.1.isolation"),
    (one(isolation="thread", runtime="python"), INVALID_ARGUMENT, "versions.1.isolation"),
    (one(compute_timeout=9), INVALID_ARGUMENT, "versions.1.compute_timeout"),
    (one(compute_timeout=30_001), INVALID_ARGUMENT, "versions.1.compute_timeout"),
    (one(isolation="process", runtime="oip"), INVALID_ARGUMENT, "versions.1.isolation"),
    (one(compute_timeout=500, runtime="openai"), INVALID_ARGUMENT, "versions.1.compute_timeout"),
    (one(uri="https://ann:secret@h/v1", runtime="openai"), INVALID_ARGUMENT, "versions.1.uri"),
    (one(uri="https://[", runtime="oip"), INVALID_ARGUMENT, "versions.1.uri"),
    (one(before=(Step("text"),), runtime="python"), INVALID_ARGUMENT, "versions.1.before"),
    (one(after=(Step("softmax"),), runtime="oip"), INVALID_ARGUMENT, "versions.1.after"),
    (one(memory=-1, isolation="process"), INVALID_ARGUMENT, "versions.1.memory"),
    (one(memory=2**62, isolation="process"), INVALID_ARGUMENT, "versions.1.memory"),
    (one(memory=2**30), INVALID_ARGUMENT, "versions.1.memory"),
    (one(memory=2**30, isolation="thread"), INVALID_ARGUMENT, "versions.1.memory"),
    (one(sha256="A" * 64), INVALID_ARGUMENT, "versions.1.sha256"),
    (one(sha256="a" * 63), INVALID_ARGUMENT, "versions.1.sha256"),
    (one(before=(Step(""),)), INVALID_ARGUMENT, "versions.1.before.0.use"),
    (one(after=(Step("a"), Step("a", sha256="a"))), INVALID_ARGUMENT, "versions.1.after.1.sha256"),
    (signed(), INVALID_ARGUMENT, "versions.1.signature.inputs"),
    (signed(TensorSpec("x", "FLOAT", (-1,))), INVALID_ARGUMENT, "versions.1.signature.x.datatype"),
    (signed(TensorSpec("x", "FP32", ())), INVALID_ARGUMENT, "versions.1.signature.x.shape"),
    (signed(TensorSpec("x", "FP32", (-2, 4))), INVALID_ARGUMENT, "versions.1.signature.x.shape"),
    (signed(TensorSpec("x", "FP32", (-1, 2**63))), INVALID_ARGUMENT, "versions.1.signature.x.shape"),
    (limited(max_inflight=-1), INVALID_ARGUMENT, "limits.max_inflight"),
    (limited(max_inflight=2**63), INVALID_ARGUMENT, "limits.max_inflight"),
    (limited(deadline_ms=-1), INVALID_ARGUMENT, "limits.deadline"),
    (limited(deadline_ms=2**62), INVALID_ARGUMENT, "limits.deadline"),
]


@pytest.mark.parametrize(
    ("body", "code", "field"), BAD, ids=lambda part: part if isinstance(part, str) else ""
)
def test_an_impossible_command_is_refused_with_its_field(body: Body, code: str, field: str) -> None:
    table = serving()
    before = msgspec.json.encode(table)
    failure = refused(table, body)
    assert (failure.code, failure.field) == (code, field)
    assert failure.message
    assert not failure.retryable
    assert msgspec.json.encode(table) == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uri", "file:///models/other.safetensors"),
        ("runtime", "python"),
        ("factory", "a.b:c"),
        ("pool", "gpu"),
        ("options", {"width": "3"}),
        ("before", (Step("text"),)),
        ("after", (Step("softmax"),)),
    ],
)
def test_a_version_keeps_its_identity(field: str, value: Any) -> None:
    failure = refused(serving({"1": 1}), one(**{field: value}), "second")
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, f"versions.1.{field}")
    assert "publish a new version" in failure.message
    assert "()" not in failure.message


def test_a_version_keeps_its_digest() -> None:
    table = serving({"1": 1}, versions={"1": version("1", sha256="a" * 64)})
    failure = refused(table, one(sha256="b" * 64), "second")
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "versions.1.sha256")


def test_a_missing_file_is_named() -> None:
    facts = Facts(0, artifact_fault=lambda uri: f"there is no file {uri[7:]}")
    failure = refused(RouteTable("m"), one(), facts=facts)
    assert (failure.code, failure.field) == (NOT_FOUND, "versions.1.uri")
    assert "there is no file /models/m-1.safetensors" in failure.message


def test_a_file_that_went_away_later_does_not_stop_a_command() -> None:
    facts = Facts(0, artifact_fault=lambda _uri: "gone")
    assert done(serving({"1": 1}), Apply(model({"1": 2})), "later", facts=facts).route.split == {"1": 2}


def test_a_split_must_not_feed_a_leaving_version() -> None:
    table = done(serving(), Retire(("2",)), "retire")
    assert refused(table, SetSplit({"1": 1, "2": 1}), "back").field == "split.2"


def test_a_label_must_not_go_to_a_leaving_version() -> None:
    leaving = done(serving({"1": 1}), Apply(model({"2": 1})), "successor")
    assert leaving.versions["1"].state is VersionState.READY
    assert refused(leaving, SetLabels({"stable": "1"}), "label").field == "labels.stable"


def test_a_leaving_version_is_nobodys_fallback() -> None:
    table = done(serving(), Retire(("2",)), "retire")
    assert refused(table, Register({"3": version("3", fallback="2")})).field == "versions.3.fallback"


def test_a_version_that_others_fall_back_to_does_not_retire_before_them() -> None:
    versions = {"large": version("large", fallback="small"), "small": version("small")}
    table = serving({"large": 1}, versions=versions)
    failure = refused(table, Retire(("small",)))
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "retire.small")
    assert "version large falls back to small" in failure.message
    assert all(entry.leaving for entry in done(table, Retire(("small", "large"))).versions.values())


def test_the_last_version_with_traffic_does_not_retire_alone() -> None:
    table = serving({"1": 1, "2": 0})
    failure = refused(table, Retire(("1",)))
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "retire")


def test_a_draining_version_is_not_applied_again_before_it_is_retired() -> None:
    table = done(serving(), Apply(model({"2": 1})), "without")
    draining = moved(table, word(table, {"2": VersionState.READY}), inflight={"1": 5})
    failure = refused(draining, Apply(model()), "again")
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "versions.1")


def test_a_refused_command_is_not_remembered() -> None:
    table = serving()
    refused(table, SetSplit({"9": 1}), "id")
    assert done(table, SetSplit({"2": 1}), "id").epoch == table.epoch + 1


def test_a_table_is_kept_far_below_the_limit_of_its_topic() -> None:
    table = serving({"1": 1})
    large = {"note": "x" * (MAX_TABLE_BYTES // 2)}
    grown = done(
        table, Apply(model(versions={"1": version("1"), "2": version("2", options=large)})), "second"
    )
    both = {"1": version("1"), "2": version("2", options=large), "3": version("3", options=large)}
    failure = refused(grown, Apply(model(versions=both)), "third")
    assert (failure.code, failure.field) == (FAILED_PRECONDITION, "model")
    labels = {f"label-{number}": "1" for number in range(MAX_TABLE_BYTES // 16)}
    assert refused(table, SetLabels(labels)).field == "model"
