"""Predictions of TensorFlow Serving as a client reads them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import Failure
from pointsman.wire.tfs_rows import read_predictions

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "AAE=", "\ud800"])
cells = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(["a", "b64"]), scalars)


def read(predictions: Any) -> Any:
    return read_predictions(json.dumps({"predictions": predictions}).encode())


@pytest.mark.parametrize(
    ("rows", "dtype"),
    [
        ([[1, 2], [3, 4]], np.int64),
        ([-(2**63), 2**63 - 1], np.int64),
        ([0, 2**64 - 1], np.uint64),
        ([[0.1], [2]], np.float64),
        ([True, False], np.bool_),
        ([[[1.5]], [[2.5]]], np.float64),
        ([], np.float64),
        ([[], []], np.float64),
    ],
)
def test_bare_rows_are_one_array_of_the_kind_that_keeps_them(rows: Any, dtype: Any) -> None:
    array = read(rows)["predictions"]
    assert (array.dtype, array.tolist()) == (dtype, rows)


def test_rows_that_are_objects_are_an_array_for_each_name() -> None:
    outputs = read([{"label": "grün", "scores": [1, 2]}, {"scores": [3, 4.5], "label": "rot"}])
    assert outputs["label"].tolist() == ["grün".encode(), b"rot"]
    assert outputs["scores"].tolist() == [[1, 2], [3, 4.5]]


def test_bytes_come_in_base64() -> None:
    assert read([{"b64": "AAE="}, "x"])["predictions"].tolist() == [b"\0\1", b"x"]


def test_what_is_no_number_has_a_token_and_null_is_nan() -> None:
    array = read_predictions(b'{"predictions": [NaN, Infinity, -Infinity, null]}')
    assert not isinstance(array, Failure)
    assert np.array_equal(array["predictions"], [np.nan, np.inf, -np.inf, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    "rows",
    [
        None,
        {"a": 1},
        [[1], [2, 3]],
        [1, [2]],
        [1, "a"],
        [True, 1],
        [2**64],
        [-1, 2**63],
        [10**400, 0.5],
        [{"a": 1}, {"b": 1}],
        [{"a": 1}, 2],
        [{"a": {"b": 1}}],
        [{"b64": 1}],
        [{"b64": "A"}],
        [{"b64": "ü"}],
    ],
)
def test_rows_that_make_no_array_are_a_failure(rows: Any) -> None:
    failure = read(rows)
    assert isinstance(failure, Failure)
    assert failure.message.startswith("predictions")


@given(st.lists(cells | st.lists(cells, max_size=2), max_size=3) | cells)
def test_whatever_the_rows_are_nothing_is_raised(value: Any) -> None:
    assert isinstance(read(value), dict | Failure)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"1" * 5_000, b'{"predictions":' + b"[" * 100_000, b"\xff"]
)
def test_a_body_that_is_no_answer_is_a_failure(body: bytes) -> None:
    assert isinstance(read_predictions(body), Failure)
