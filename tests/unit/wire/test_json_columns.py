"""Columns hold what rows hold, and objects stand for what JSON has no value for."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import DTYPES, Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.wire.json_request import COLUMNS, FLAT, INSTANCES, OIP, form_of, item_from_json
from pointsman.wire.json_response import Answered, answer_to_json
from pointsman.wire.response import Served

ROW = Signature((TensorSpec("x", "FP32", (-1, 2)),))
LONG = Signature((TensorSpec("n", "INT64", (-1,)),))
TEXT = Signature((TensorSpec("text", "BYTES", (-1,)),))
TWO = Signature((TensorSpec("age", "INT64", (-1,)), TensorSpec("text", "BYTES", (-1, 1))))


def read(body: object, signature: Signature | None = None) -> tuple[str, Item] | Failure:
    return item_from_json(json.dumps(body).encode(), signature, ())


def item(body: object, signature: Signature | None = None) -> Item:
    result = read(body, signature)
    assert not isinstance(result, Failure), result
    assert form_of(json.dumps(body).encode()) == result[0]
    return result[1]


def refused(body: object, signature: Signature | None = None) -> Failure:
    result = read(body, signature)
    assert isinstance(result, Failure), result
    assert result.code == INVALID_ARGUMENT
    return result


def test_a_bare_column_is_the_only_input() -> None:
    result = read({"columns": [[1, 2], [3, 4]]}, ROW)
    assert not isinstance(result, Failure)
    assert result[0] == COLUMNS
    assert result[1]["x"].dtype == np.float32
    assert result[1]["x"].tolist() == [[1, 2], [3, 4]]
    assert item({"columns": [1, 2]})["input"].dtype == np.int64


def test_columns_are_given_by_input_name() -> None:
    found = item({"columns": {"age": [3, 4], "text": ["a", "b"]}}, TWO)
    assert (found["age"].tolist(), found["text"].tolist()) == ([3, 4], [[b"a"], [b"b"]])


elements = st.one_of(
    *(
        st.lists(kind, min_size=1, max_size=4)
        for kind in (st.integers(-(2**63), 2**63 - 1), st.floats(width=32, allow_nan=False), st.booleans())
    ),
    st.lists(st.text(max_size=3).map(lambda text: {"b64": base64.b64encode(text.encode()).decode()})),
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), elements, min_size=1), st.booleans())
def test_rows_and_columns_of_equal_data_are_equal(columns: dict[str, list[Any]], is_nested: bool) -> None:
    count = min(map(len, columns.values()))
    even = {name: [[v] if is_nested else v for v in values[:count]] for name, values in columns.items()}
    rows = [dict(zip(even, row, strict=True)) for row in zip(*even.values(), strict=True)]
    by_row, by_column = read({"instances": rows}), read({"columns": even})
    if isinstance(by_row, Failure) or isinstance(by_column, Failure):
        assert isinstance(by_row, Failure) == isinstance(by_column, Failure)
        return
    assert by_row[1].keys() == by_column[1].keys()
    for name, array in by_row[1].items():
        assert array.dtype == by_column[1][name].dtype
        assert array.tolist() == by_column[1][name].tolist()


@pytest.mark.parametrize("signature", [None, LONG])
def test_the_last_64_bit_integers_are_exact(signature: Signature | None) -> None:
    ends = [2**63 - 1, -(2**63), 2**53 + 1]
    for body in ({"instances": ends}, {"columns": ends}):
        (array,) = item(body, signature).values()
        assert (array.dtype, array.tolist()) == (DTYPES["INT64"], ends)


@pytest.mark.parametrize("signature", [None, LONG])
def test_an_integer_beyond_64_bits_is_refused_by_name(signature: Signature | None) -> None:
    name = signature.inputs[0].name if signature else "n"
    assert refused({"columns": {name: [2**63]}}, signature).field == f"columns.{name}"


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ([], "columns"),
        ({}, "columns"),
        ({"b64": "aGk="}, "columns"),
        ([[1, 2], [3]], "columns"),
        ([None], "columns"),
        ([{"a": 1}], "columns"),
        ({"x": 5}, "columns.x"),
        ({"x": []}, "columns.x"),
        ({"x": {"y": 1}}, "columns.x"),
        ({"x": [[1], [2, 3]]}, "columns.x"),
        ({"x": [[1], 2]}, "columns.x"),
        ({"x": [1, "a"]}, "columns.x"),
    ],
)
def test_columns_that_are_no_tensor_are_refused_by_name(columns: Any, field: str) -> None:
    assert refused({"columns": columns}).field == field


def test_a_model_of_two_inputs_wants_named_columns() -> None:
    assert "an object with age, text" in refused({"columns": [1]}, TWO).message


@pytest.mark.parametrize("columns", [5, "a", None, True, 1.5])
def test_columns_that_are_one_value_are_a_flat_record_s_own(columns: Any) -> None:
    body = json.dumps({"columns": columns, "age": 3}).encode()
    assert form_of(body) == FLAT
    result = item_from_json(body, None, ("age",))
    assert not isinstance(result, Failure)
    assert result[0] == FLAT


def test_inputs_and_instances_come_before_columns() -> None:
    inputs = [{"name": "x", "datatype": "INT8", "shape": [1], "data": [1]}]
    body = json.dumps({"columns": [2], "instances": [3], "inputs": inputs}).encode()
    assert form_of(body) == OIP
    assert form_of(b'{"columns": [2], "instances": [3], "inputs": null}') == INSTANCES
    result = item_from_json(body, None, ())
    assert not isinstance(result, Failure)
    assert result[0] == OIP


@given(st.binary(max_size=20))
def test_base64_gives_every_byte(data: bytes) -> None:
    part = {"b64": base64.b64encode(data).decode()}
    assert item({"instances": [part]})["input"].tolist() == [data]
    assert item({"instances": [{"text": part}]}, TEXT)["text"].tolist() == [data]
    assert item({"columns": {"text": [part, "plain"]}}, TEXT)["text"].tolist() == [data, b"plain"]
    inputs = [{"name": "x", "datatype": "BYTES", "shape": [1], "data": [part]}]
    assert item({"inputs": inputs})["x"].tolist() == [data]


@pytest.mark.parametrize("text", ["a", "aGk", "aGk=x", "aG k=", "aGk=\n", "=", "a===", "-_-_", "é"])
def test_what_is_no_base64_is_refused_by_name(text: str) -> None:
    failure = refused({"instances": [{"image": {"b64": text}}]})
    assert (failure.field, "base64" in failure.message) == ("instances.image", True)


def test_base64_is_no_number() -> None:
    assert refused({"instances": [{"x": {"b64": "aGk="}}]}, ROW).field == "instances.x"


def test_names_of_the_signature_come_before_objects_that_stand_for_values() -> None:
    signature = Signature((TensorSpec("b64", "BYTES", (-1,)),))
    assert item({"instances": [{"b64": "aGk="}]}, signature)["b64"].tolist() == [b"aGk="]
    assert item({"instances": [{"b64": "aGk="}]}, TEXT)["text"].tolist() == [b"hi"]
    assert item({"instances": [{"number": 5}, {"number": 6}]})["number"].tolist() == [5, 6]


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_numbers_that_json_lacks_can_be_named(datatype: str) -> None:
    signature = Signature((TensorSpec("x", datatype, (-1,)),))
    values = [{"number": "NaN"}, {"number": "Infinity"}, {"number": "-Infinity"}, 1]
    for body in ({"instances": values}, {"columns": {"x": values}}):
        found = item(body, signature)["x"]
        assert found.dtype == DTYPES[datatype]
        np.testing.assert_array_equal(found, np.array([math.nan, math.inf, -math.inf, 1], found.dtype))
    assert item({"instances": [{"number": "NaN"}]})["input"].dtype == np.float32


def test_a_number_that_json_lacks_is_no_integer() -> None:
    assert "whole numbers" in refused({"columns": {"n": [{"number": "NaN"}]}}, LONG).message


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b64", "number", "shape", "data", "indices"]), part, max_size=3
        )
    ),
)


@given(trees, st.sampled_from(["columns", "instances"]), st.sampled_from([None, ROW, TWO, TEXT]))
def test_any_value_is_read_or_refused(tree: Any, form: str, signature: Signature | None) -> None:
    result = read({form: tree}, signature)
    if not isinstance(result, Failure):
        assert all(array.ndim for array in result[1].values())


def test_columns_are_answered_with_columns() -> None:
    answered = Answered("r1", Served("digits", "2", "2", 17), "decision", b"")
    both = {"label": np.array([7, 8]), "score": np.array([0.5, 0.25], "f4")}
    for outputs, columns in (
        (both, {"label": [7, 8], "score": [0.5, 0.25]}),
        ({"label": np.array([7])}, [7]),
    ):
        written = answer_to_json(answered, COLUMNS, outputs)
        assert isinstance(written, bytes)
        tree = json.loads(written)
        assert (tree["columns"], "outputs" in tree) == (columns, False)
