"""Paths of TensorFlow Serving's REST interface, and the words for what is not there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure
from pointsman.wire.json_request import COLUMNS
from pointsman.wire.tfs import ROWS, TfsRequest
from pointsman.wire.tfs_error import as_called, no_status, not_found
from pointsman.wire.tfs_path import TfsPath, parse_path

MODEL = TfsPath("m", "", "", "predict")
VERSION = TfsPath("m", "3", "", "predict")
LABEL = TfsPath("m", "", "stable", "predict")


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/v1/models/m:predict", ("m", "", "", "predict")),
        ("/v1/models/m:classify", ("m", "", "", "classify")),
        ("/v1/models/m:regress", ("m", "", "", "regress")),
        ("/v1/models/m/versions/12:predict", ("m", "12", "", "predict")),
        ("/v1/models/m/labels/canary:regress", ("m", "", "canary", "regress")),
        ("/V1/Models/m/VERSIONS/1:predict", ("m", "1", "", "predict")),
        ("/v1/models/a%20b:predict", ("a b", "", "", "predict")),
        ("/v1/models/m", ("m", "", "", "status")),
        ("/v1/models", ("", "", "", "status")),
        ("/v1/models/m/versions/1", ("m", "1", "", "status")),
        ("/v1/models/m/labels/x", ("m", "", "x", "status")),
        ("/v1/models/m/metadata", ("m", "", "", "metadata")),
        ("/v1/models/m/versions/1/Metadata", ("m", "1", "", "metadata")),
        ("/v1/models/metadata", ("metadata", "", "", "status")),
    ],
)
def test_a_path_has_its_parts(path: str, parts: tuple[str, str, str, str]) -> None:
    found = parse_path(path)
    assert found == TfsPath(*parts)
    assert found is not None
    assert found.is_call == (":" in path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1/models/",
        "/v1/models/m:PREDICT",
        "/v1/models/m:explain",
        "/v1/models/:predict",
        "/v1/models/m/versions/x:predict",
        "/v1/models/m/versions/\u0661:predict",
        "/v1/model\u017f/m:predict",
        "/v1/models/m/versions/1/labels/x:predict",
        "/v1/models/m/metadata:predict",
        "/v1/models/m/ready",
        "/v2/models/m",
        "/v1/models/m:predict/",
        "x/v1/models/m:predict",
    ],
)
def test_another_path_is_none(path: str) -> None:
    assert parse_path(path) is None


@given(st.text(max_size=30).map(lambda end: "/v1/models/" + end))
def test_any_path_is_read_or_none(path: str) -> None:
    found = parse_path(path)
    assert found is None or not (found.version and found.label)


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        (MODEL, Failure(NOT_FOUND, "Servable not found for request: Latest(m)", "model")),
        (VERSION, Failure(NOT_FOUND, "Servable not found for request: Specific(m, 3)", "version")),
        (LABEL, Failure(INVALID_ARGUMENT, "Unrecognized servable version label: stable", "label")),
    ],
)
def test_what_is_not_there_is_named_as_clients_expect(path: TfsPath, failure: Failure) -> None:
    assert not_found(path) == failure
    assert as_called(Failure(NOT_FOUND, "no such model", "model"), path) == failure


def test_a_long_name_is_cut_in_a_message() -> None:
    assert len(not_found(TfsPath("m" * 9_999, "1" * 9_999, "", "predict")).message) < 300
    assert len(no_status(TfsPath("m" * 9_999, "1" * 9_999, "", "status")).message) < 300


@pytest.mark.parametrize(
    ("form", "key", "field", "named"),
    [
        (COLUMNS, "inputs", "columns.x", "inputs.x"),
        (COLUMNS, "inputs", "columns", "inputs"),
        (ROWS, "examples", "instances.x.indices", "examples.x.indices"),
        (ROWS, "instances", "instances.x", "instances.x"),
        (COLUMNS, "inputs", "columnsize", "columnsize"),
        (COLUMNS, "inputs", "", ""),
    ],
)
def test_a_field_has_the_name_that_its_caller_gave_it(form: str, key: str, field: str, named: str) -> None:
    request = TfsRequest(b"", form, key)
    failure = as_called(Failure(INVALID_ARGUMENT, f"{field}: no columns", field), MODEL, request)
    assert failure == Failure(INVALID_ARGUMENT, f"{named}: no columns", named)
    other = Failure(INVALID_ARGUMENT, "another sentence", field)
    assert as_called(other, MODEL, request).message == "another sentence"
