"""The table as state and as snapshot, and the pods' words."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.lifecycle import Held
from pointsman.core.spec import Limits, Route, Step, VersionSpec
from pointsman.core.table import Deployment, RouteTable, VersionEntry, VersionState
from pointsman.core.tensor import DTYPES, Signature, TensorSpec
from pointsman.pb.v1 import routing_pb2, serving_pb2
from pointsman.wire.spec import signature_to_pb
from pointsman.wire.state import SCHEMA, table_from_bytes, table_to_bytes, word_from_pb

text = st.text(st.characters(codec="utf-8"), max_size=8)
name = st.from_regex(r"[a-z0-9]{1,5}", fullmatch=True)
tensors = st.builds(
    TensorSpec,
    text,
    st.sampled_from(sorted(DTYPES)),
    st.lists(st.integers(-1, 2**40), min_size=1, max_size=3).map(tuple),
)
signatures = st.builds(
    Signature, st.lists(tensors, min_size=1, max_size=2).map(tuple), st.lists(tensors, max_size=2).map(tuple)
)
steps = st.lists(st.builds(Step, text, text, text, st.dictionaries(text, text, max_size=2)), max_size=2).map(
    tuple
)
specs = st.builds(
    VersionSpec,
    uri=text,
    runtime=name,
    factory=text,
    sha256=text,
    pool=name,
    signature=st.none() | signatures,
    options=st.dictionaries(text, text, max_size=2),
    example=text,
    max_batch=st.integers(1, 65_536),
    concurrency=st.integers(1, 64),
    min_ready=st.integers(1, 1_000),
    ordered=st.booleans(),
    pinned=st.booleans(),
    expect=text,
    tolerance=st.floats(1e-9, 1),
    isolation=st.sampled_from(["", "thread", "process"]),
    compute_timeout=st.integers(0, 30_000),
    memory=st.integers(0, 2**40),
    before=steps,
    after=steps,
    example_sha256=text,
    expect_sha256=text,
)
entries = st.builds(
    VersionEntry,
    version=name,
    spec=specs,
    state=st.sampled_from(VersionState),
    generation=st.integers(0, 2**40),
    reason=text,
    leaving=st.booleans(),
    since_ms=st.integers(0, 2**42),
    proven=st.booleans(),
)
weights = st.dictionaries(name, st.integers(0, 2**24 - 1), max_size=3)
deployments = st.builds(
    Deployment,
    epoch=st.integers(0, 2**40),
    at_ms=st.integers(0, 2**42),
    actor=text,
    split=weights,
    labels=st.dictionaries(name, name, max_size=2),
    generations=st.dictionaries(name, st.integers(0, 2**40), max_size=2),
)
tables = st.builds(
    RouteTable,
    model=name,
    epoch=st.integers(0, 2**40),
    versions=st.lists(entries, max_size=3).map(lambda some: {entry.version: entry for entry in some}),
    route=st.builds(Route, weights, st.booleans(), st.lists(text, max_size=2).map(tuple), text, text),
    fallback=weights,
    labels=st.dictionaries(name, name, max_size=2),
    limits=st.builds(Limits, st.integers(0, 10**12), st.integers(0, 10**12)),
    commands=st.lists(st.integers(0, 2**64 - 1), max_size=4).map(tuple),
    at_ms=st.integers(0, 2**42),
    policy=st.sampled_from(("named", "all", "latest(3)")),
    awaited=st.dictionaries(name, name, max_size=2),
    deployments=st.lists(deployments, max_size=3).map(tuple),
)


@settings(max_examples=15)
@given(tables)
def test_a_table_comes_back_as_it_went(table: RouteTable) -> None:
    assert table_from_bytes(table_to_bytes(table)) == table


@settings(max_examples=15)
@given(tables)
def test_equal_tables_are_equal_bytes(table: RouteTable) -> None:
    value = table_to_bytes(table)
    assert table_to_bytes(table_from_bytes(value)) == value
    assert routing_pb2.RouteTable.FromString(value).schema == SCHEMA


def test_the_state_of_a_full_table_is_a_few_kilobytes() -> None:
    spec = VersionSpec(uri="file:///models/some-model-of-ordinary-length.safetensors", sha256="a" * 64)
    versions = {str(n): VersionEntry(str(n), spec, VersionState.READY, n) for n in range(10)}
    table = RouteTable("m", 99, versions, Route({str(n): 1 for n in range(10)}), commands=tuple(range(256)))
    assert len(table_to_bytes(table)) < 5_000


def test_foreign_bytes_are_no_table() -> None:
    with pytest.raises(DecodeError):
        table_from_bytes(b"\x00\x01")


def test_a_pods_word_keeps_what_a_pod_may_say() -> None:
    signature = Signature((TensorSpec("x", "FP32", (-1, 4)),))
    status = serving_pb2.PodStatus(pod="p1", pool="gpu", model="m", at_ms=5)
    for state in routing_pb2.VersionState.values():
        status.held.add(version=str(state), generation=3, state=state, reason="why")
    status.held[routing_pb2.READY].signature.CopyFrom(signature_to_pb(signature))
    word = word_from_pb(status)
    assert (word.pod, word.pool, word.at_ms) == ("p1", "gpu", 5)
    spoken = {VersionState.LOADING, VersionState.WARMING, VersionState.READY, VersionState.FAILED}
    assert {held.state for held in word.held.values()} == spoken
    assert word.held[str(routing_pb2.READY)] == Held(3, VersionState.READY, "why", signature)


def test_a_leaving_pod_holds_nothing() -> None:
    status = serving_pb2.PodStatus(pod="p1", leaving=True)
    status.held.add(version="1", generation=1, state=routing_pb2.READY)
    assert word_from_pb(status).held == {}


def test_a_state_from_the_future_is_not_heard() -> None:
    status = serving_pb2.PodStatus(pod="p1")
    status.held.add(version="1", generation=1, state=99)
    assert word_from_pb(status).held == {}
