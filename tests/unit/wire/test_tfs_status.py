"""Status and metadata as TensorFlow Serving's and KServe's clients read them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.core.spec import Route, VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.core.tensor import DTYPES, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure
from pointsman.wire.tfs_metadata import DATA_TYPES, metadata_body
from pointsman.wire.tfs_path import TfsPath
from pointsman.wire.tfs_status import status_body


def table(**states: VersionState) -> RouteTable:
    entries = {
        name.strip("v"): VersionEntry(name.strip("v"), VersionSpec("python:a:B"), state, 1, reason="broke")
        for name, state in states.items()
    }
    return RouteTable("m", versions=entries, route=Route(split={"1": 1}), labels={"stable": "1", "gone": "9"})


def status(found: RouteTable | None, version: str = "", label: str = "") -> Any:
    body = status_body(TfsPath("m", version, label, "status"), found)
    return body if isinstance(body, Failure) else json.loads(body)


@pytest.mark.parametrize(
    ("state", "shown", "code", "message"),
    [
        (VersionState.REGISTERED, "START", "OK", ""),
        (VersionState.LOADING, "LOADING", "OK", ""),
        (VersionState.WARMING, "LOADING", "OK", ""),
        (VersionState.READY, "AVAILABLE", "OK", ""),
        (VersionState.DRAINING, "UNLOADING", "OK", ""),
        (VersionState.RETIRED, "END", "OK", ""),
        (VersionState.UNREACHABLE, "END", "UNAVAILABLE", "broke"),
        (VersionState.FAILED, "END", "INTERNAL", "broke"),
    ],
)
def test_every_state_has_its_counterpart(state: VersionState, shown: str, code: str, message: str) -> None:
    assert status(table(v1=state)) == {
        "name": "m",
        "ready": state is VersionState.READY,
        "model_version_status": [
            {"version": "1", "state": shown, "status": {"error_code": code, "error_message": message}}
        ],
    }


def test_versions_come_newest_first() -> None:
    found = status(table(v9=VersionState.READY, v10=VersionState.READY, va=VersionState.LOADING))
    assert [one["version"] for one in found["model_version_status"]] == ["10", "9", "a"]


def test_a_version_or_label_is_shown_alone() -> None:
    two = table(v1=VersionState.LOADING, v2=VersionState.READY)
    for named, ready in (({"version": "2"}, True), ({"version": "1"}, False), ({"label": "stable"}, False)):
        found = status(two, **named)
        (only,) = found["model_version_status"]
        assert (only["version"], found["ready"]) == (named.get("version", "1"), ready)


def test_a_model_is_ready_while_its_split_is_served() -> None:
    assert status(table(v1=VersionState.READY, v2=VersionState.FAILED))["ready"]
    assert not status(table(v1=VersionState.FAILED, v2=VersionState.READY))["ready"]


def test_what_is_not_there_has_no_status() -> None:
    one = table(v1=VersionState.READY)
    assert status(None) == Failure(NOT_FOUND, "Could not find any versions of model m", "model")
    assert status(RouteTable("m")) == status(None)
    assert status(one, version="7") == Failure(NOT_FOUND, "Could not find version 7 of model m", "version")
    for label in ("x", "gone"):
        message = f"Unrecognized servable version label: {label}"
        assert status(one, label=label) == Failure(INVALID_ARGUMENT, message, "label")


def test_a_signature_is_shown_with_types_and_sizes() -> None:
    signature = Signature((TensorSpec("x", "FP32", (-1, 3)),), (TensorSpec("y", "BYTES", (-1,)),))
    body = json.loads(metadata_body("m", "2", signature))
    assert body["model_spec"] == {"name": "m", "signature_name": "", "version": "2"}
    assert body["metadata"]["signature_def"]["signature_def"]["serving_default"] == {
        "inputs": {
            "x": {
                "dtype": "DT_FLOAT",
                "tensor_shape": {
                    "dim": [{"size": "-1", "name": ""}, {"size": "3", "name": ""}],
                    "unknown_rank": False,
                },
                "name": "x",
            }
        },
        "outputs": {
            "y": {
                "dtype": "DT_STRING",
                "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
                "name": "y",
            }
        },
        "method_name": "tensorflow/serving/predict",
    }


def test_a_version_without_signature_shows_none() -> None:
    assert json.loads(metadata_body("m", "2", None))["metadata"] == {"signature_def": {"signature_def": {}}}


def test_every_datatype_has_a_counterpart() -> None:
    assert DATA_TYPES.keys() == DTYPES.keys()
