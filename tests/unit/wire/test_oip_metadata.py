"""What the Open Inference Protocol says about models is what their route tables say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.core.spec import Route, VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure
from pointsman.wire.oip_metadata import (
    model_config,
    model_metadata,
    read_index,
    repository_index,
    server_metadata,
    unknown_model,
)
from pointsman.wire.oip_statistics import Duration, VersionStatistics, statistics_body

OLD = Signature((TensorSpec("x", "FP32", (-1, 64)),), (TensorSpec("y", "INT64", (-1,)),))
NEW = Signature((TensorSpec("text", "BYTES", (-1, 1)),))


def entry(version: str, state: VersionState, signature: Signature | None, reason: str = "") -> VersionEntry:
    spec = VersionSpec("python:m:M", runtime="python", signature=signature, max_batch=32)
    return VersionEntry(version, spec, state, generation=int(version), reason=reason)


def table(*entries: VersionEntry, **split: int) -> RouteTable:
    route = Route(split={name.removeprefix("v"): weight for name, weight in split.items()})
    return RouteTable("churn", versions={known.version: known for known in entries}, route=route)


READY, LOADING = VersionState.READY, VersionState.LOADING
TWO = table(entry("1", READY, OLD), entry("2", READY, NEW), entry("3", LOADING, None), v1=90, v2=10)


def tree(body: bytes | Failure) -> Any:
    assert isinstance(body, bytes), body
    return json.loads(body)


def test_the_server_names_its_extensions() -> None:
    wanted = {"name": "pointsman", "version": "1.2", "extensions": ["statistics"]}
    assert tree(server_metadata("1.2", ["statistics"])) == wanted


def test_a_model_is_described_by_the_version_that_most_requests_get() -> None:
    assert tree(model_metadata(TWO)) == {
        "name": "churn",
        "versions": ["1", "2"],
        "platform": "python",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [{"name": "y", "datatype": "INT64", "shape": [-1]}],
    }


def test_a_version_is_described_by_itself() -> None:
    body = tree(model_metadata(TWO, "2"))
    assert (body["versions"], body["inputs"][0]["name"], body["outputs"]) == (["2"], "text", [])
    assert tree(model_metadata(TWO, "3"))["inputs"] == []


def test_a_model_of_which_nothing_is_ready_is_described_by_its_newest_version() -> None:
    body = tree(model_metadata(table(entry("1", LOADING, OLD), entry("2", LOADING, NEW), v1=100)))
    assert (body["versions"], body["inputs"][0]["name"]) == ([], "text")


@pytest.mark.parametrize("describe", [model_metadata, model_config])
def test_what_nobody_registered_is_refused_in_tritons_words(describe: Any) -> None:
    failure = describe(TWO, "9")
    assert (failure.code, failure.message) == (
        NOT_FOUND,
        "Request for unknown model: 'churn' version 9 is not found",
    )
    assert describe(table()).message == "Request for unknown model: 'churn' is not found"


def test_a_configuration_leaves_the_batch_out_of_its_dimensions() -> None:
    body = tree(model_config(TWO))
    assert (body["name"], body["max_batch_size"], body["dynamic_batching"]) == ("churn", 32, {})
    assert body["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [64]}]
    assert body["output"] == [{"name": "y", "data_type": "TYPE_INT64", "dims": []}]
    assert tree(model_config(TWO, "2"))["input"][0]["data_type"] == "TYPE_STRING"


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (VersionState.REGISTERED, "UNKNOWN"),
        (VersionState.LOADING, "LOADING"),
        (VersionState.WARMING, "LOADING"),
        (VersionState.READY, "READY"),
        (VersionState.DRAINING, "UNLOADING"),
        (VersionState.RETIRED, "UNAVAILABLE"),
        (VersionState.UNREACHABLE, "UNAVAILABLE"),
        (VersionState.FAILED, "UNAVAILABLE"),
    ],
)
def test_every_state_has_its_place_in_the_index(state: VersionState, wanted: str) -> None:
    (line,) = tree(repository_index([table(entry("1", state, None))], ready_only=False))
    assert (line["name"], line["version"], line["state"]) == ("churn", "1", wanted)
    ready = tree(repository_index([table(entry("1", state, None))], ready_only=True))
    assert ready == ([line] if wanted == "READY" else [])


def test_a_version_that_failed_says_that_it_failed_to_load_and_why() -> None:
    failed = entry("1", VersionState.FAILED, None, "no such file")
    (line,) = tree(repository_index([table(failed)], ready_only=False))
    assert line["reason"] == "failed to load: no such file"


@pytest.mark.parametrize(
    ("body", "wanted"), [(b"", False), (b"{}", False), (b'{"ready": true}', True), (b'{"a": [1]}', False)]
)
def test_an_index_is_asked_for_with_or_without_a_body(body: bytes, wanted: bool) -> None:
    assert read_index(body) is wanted


@pytest.mark.parametrize(
    "body",
    [b"x", b"[]", b'{"ready": 1}', b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"ready": "\xff"}'],
    ids=range(5),
)
def test_an_index_that_is_asked_for_in_another_way_is_refused(body: bytes) -> None:
    failure = read_index(body)
    assert isinstance(failure, Failure)
    assert failure.code == INVALID_ARGUMENT


def test_statistics_are_counts_and_nanoseconds() -> None:
    counted = VersionStatistics("churn", "1", last_inference=5, inference_count=3, execution_count=2)
    counted.inference_stats.success = Duration(3, 900)
    (body,) = tree(statistics_body([counted]))["model_stats"]
    stats = body.pop("inference_stats")
    assert body == {
        "name": "churn",
        "version": "1",
        "last_inference": 5,
        "inference_count": 3,
        "execution_count": 2,
        "batch_stats": [],
    }
    assert stats.pop("success") == {"count": 3, "ns": 900}
    assert set(stats) == {
        "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"
    }  # fmt: skip
    assert all(part == {"count": 0, "ns": 0} for part in stats.values())
    assert VersionStatistics("churn", "2").inference_stats.success.count == 0


def test_an_unknown_model_is_told_in_the_words_clients_look_for() -> None:
    said = "Request for unknown model: 'm' is not found"
    assert unknown_model("m") == Failure(NOT_FOUND, said, "model")
    assert unknown_model("m", "9") == Failure(NOT_FOUND, said.replace("'m'", "'m' version 9"), "version")
