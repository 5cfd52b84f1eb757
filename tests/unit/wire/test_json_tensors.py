"""JSON bodies to tensors and tensors to JSON: exact, or refused by name."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import DTYPES, Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.wire.json_request import FLAT, INSTANCES, OIP, context_from_json, form_of, item_from_json
from pointsman.wire.json_response import Answered, answer_to_json, refusal_to_json
from pointsman.wire.response import Served

ROW = Signature((TensorSpec("x", "FP32", (-1, 2)),))
TWO = Signature((TensorSpec("age", "INT64", (-1,)), TensorSpec("text", "BYTES", (-1, 1))))
INTEGERS = sorted(name for name, dtype in DTYPES.items() if dtype.kind in "iu")


def parsed(
    body: object, signature: Signature | None = None, features: tuple[str, ...] = ()
) -> tuple[str, Item]:
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    result = item_from_json(value, signature, features)
    assert not isinstance(result, Failure), result
    assert form_of(value) == result[0]
    return result


def refused(body: object, signature: Signature | None = None, features: tuple[str, ...] = ()) -> Failure:
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    result = item_from_json(value, signature, features)
    assert isinstance(result, Failure), result
    assert result.code == INVALID_ARGUMENT
    return result


def oip(datatype: str, shape: list[int], data: Any, name: str = "x") -> dict[str, Any]:
    return {"inputs": [{"name": name, "datatype": datatype, "shape": shape, "data": data}]}


@given(st.sampled_from(INTEGERS), st.data())
def test_integers_are_exact_to_the_last_bit(datatype: str, data: st.DataObject) -> None:
    info = np.iinfo(DTYPES[datatype])
    values = data.draw(st.lists(st.integers(int(info.min), int(info.max)), min_size=1, max_size=5))
    form, item = parsed(oip(datatype, [len(values)], values))
    assert (form, item["x"].dtype, item["x"].tolist()) == (OIP, DTYPES[datatype], values)


@given(st.sampled_from(INTEGERS), st.data())
def test_a_whole_number_may_be_written_with_a_point(datatype: str, data: st.DataObject) -> None:
    info, most = np.iinfo(DTYPES[datatype]), 2**53 - 1
    numbers = st.integers(max(int(info.min), -most), min(int(info.max), most))
    values = data.draw(st.lists(numbers, min_size=1, max_size=5))
    form, item = parsed(oip(datatype, [len(values)], [*map(float, values[:1]), *values[1:]]))
    assert (form, item["x"].dtype, item["x"].tolist()) == (OIP, DTYPES[datatype], values)
    refused(oip(datatype, [1], [float(int(info.max) + 1)]))


@pytest.mark.parametrize("datatype", INTEGERS)
def test_an_integer_one_beyond_its_datatype_is_refused(datatype: str) -> None:
    info = np.iinfo(DTYPES[datatype])
    for value in (int(info.max) + 1, int(info.min) - 1):
        failure = refused(oip(datatype, [2], [0, value]))
        assert (failure.field, failure.message) == (
            "inputs.x.data",
            "inputs.x.data: an element does not fit the datatype",
        )


@pytest.mark.parametrize(
    ("datatype", "data"),
    [("FP16", 70_000), ("FP16", 1e5), ("FP32", 1e39), ("FP32", 10**40), ("FP64", 10**400)],
)
def test_a_number_that_would_become_infinite_is_refused(datatype: str, data: float) -> None:
    refused(oip(datatype, [1], [data]))


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_fractions_round_as_numpy_rounds(datatype: str) -> None:
    _, item = parsed(oip(datatype, [3], [0.1, 1, -3.5e-5]))
    assert np.array_equal(item["x"], np.array([0.1, 1, -3.5e-5], DTYPES[datatype]))


def test_data_may_be_flat_or_nested_as_its_shape() -> None:
    _, flat = parsed(oip("INT64", [2, 3], [1, 2, 3, 4, 5, 6]))
    _, nested = parsed(oip("INT64", [2, 3], [[1, 2, 3], [4, 5, 6]]))
    assert np.array_equal(flat["x"], nested["x"])
    assert parsed(oip("INT64", [1], 5))[1]["x"].tolist() == [5]


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        ([2, 2], [[1, 2, 3], [4]]),
        ([2, 2], [[1, 2], 3, 4]),
        ([4], [[1, 2], [3, 4]]),
        ([2, 2], [[[1], [2]], [[3], [4]]]),
        ([2, 2], [1, 2, 3]),
        ([2, 2], [[1, 2], [3, 4], [5, 6]]),
        ([1], []),
        ([0], [1]),
    ],
)
def test_ragged_or_miscounted_data_is_refused(shape: list[int], data: Any) -> None:
    assert refused(oip("INT64", shape, data)).field == "inputs.x.data"


@pytest.mark.parametrize("shape", [[], [-1], [2**63], [0, 2**62, 4], [1] * 33, [0, 10**30]])
def test_an_impossible_shape_is_refused(shape: list[int]) -> None:
    refused(oip("FP32", shape, []))


def test_an_empty_batch_is_a_tensor_of_no_rows() -> None:
    assert parsed(oip("FP32", [0, 3], []))[1]["x"].shape == (0, 3)


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("INT64", [1.5]),
        ("INT64", [2.0**53 + 2]),
        ("INT64", [float("1e300")]),
        ("INT64", ["1"]),
        ("INT64", [True]),
        ("INT64", [None]),
        ("FP32", ["1"]),
        ("FP32", [None]),
        ("FP32", [False]),
        ("FP32", [{}]),
        ("BOOL", [1]),
        ("BOOL", ["true"]),
        ("BYTES", [1]),
        ("BYTES", [None]),
        ("FLOAT", [1]),
        ("", [1]),
    ],
)
def test_an_element_of_the_wrong_kind_is_refused(datatype: str, data: list[Any]) -> None:
    assert refused(oip(datatype, [1], data)).field.startswith("inputs.x.")


def test_texts_and_truths_are_read() -> None:
    assert parsed(oip("BYTES", [2], ["Zürich", ""]))[1]["x"].tolist() == ["Zürich".encode(), b""]
    assert parsed(oip("BOOL", [2], [True, False]))[1]["x"].tolist() == [True, False]


def test_instances_are_rows() -> None:
    form, item = parsed({"instances": [[1, 2], [3, 4]]}, ROW)
    assert (form, item["x"].dtype, item["x"].tolist()) == (
        INSTANCES,
        np.dtype("f4"),
        [[1.0, 2.0], [3.0, 4.0]],
    )


def test_named_instances_are_columns() -> None:
    _, item = parsed({"instances": [{"age": 3, "text": "a"}, {"age": 4, "text": "b"}]}, TWO)
    assert (item["age"].tolist(), item["text"].tolist()) == ([3, 4], [[b"a"], [b"b"]])


@pytest.mark.parametrize(
    ("instances", "datatype"),
    [([1, 2], "INT64"), ([1, 2.5], "FP32"), (["a"], "BYTES"), ([True], "BOOL"), ([[1.5]], "FP32")],
)
def test_without_a_signature_the_datatype_is_guessed(instances: list[Any], datatype: str) -> None:
    assert parsed({"instances": instances})[1]["input"].dtype == DTYPES[datatype]


@pytest.mark.parametrize(
    "instances",
    [[], [[1, 2], [3]], [[1, 2], 3], [{"a": 1}, 2], [{"a": 1}, {"b": 1}], [[1, "a"]], [None], [[[1]], [1]]],
)
def test_uneven_instances_are_refused(instances: list[Any]) -> None:
    assert refused({"instances": instances}).field.startswith("instances")


def test_a_model_of_two_inputs_wants_named_instances() -> None:
    assert "objects with age, text" in refused({"instances": [[1]]}, TWO).message


def test_a_flat_record_gives_the_features_of_its_route() -> None:
    record = {"id": 9, "b": 2, "a": 1.5, "other": "x"}
    form, item = parsed(record, ROW, ("a", "b"))
    assert (form, item["x"].tolist()) == (FLAT, [[1.5, 2.0]])
    assert parsed(record, None, ("a", "b"))[1]["input"].tolist() == [[1.5, 2.0]]
    _, item = parsed({"age": 3, "text": "t"}, TWO, ("age", "text"))
    assert (item["age"].tolist(), item["text"].tolist()) == ([3], [[b"t"]])


@pytest.mark.parametrize(
    ("record", "field"),
    [({"a": 1}, "b"), ({"a": 1, "b": "x"}, "b"), ({"a": None, "b": 1}, "a"), ({"a": [1], "b": 1}, "a")],
)
def test_a_flat_record_that_lacks_a_feature_is_told_which(record: dict[str, Any], field: str) -> None:
    assert refused(record, ROW, ("a", "b")).field == field


def test_a_flat_record_needs_a_route_with_features() -> None:
    assert "names no features" in refused({"a": 1}, ROW).message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[1]",
        b'{"inputs": 3}',
        b'{"inputs": [{"name": "x"}]}',
        b'{"instances": ' + b"[" * 100_000,
        b'{"instances": ' + b"[" * 900 + b"1" + b"]" * 900 + b"}",
        b'{"instances": [' + b"1" * 5_000 + b"]}",
        b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": NaN}]}',
        b'{"inputs": [{"name": "\xff", "datatype": "FP32", "shape": [1], "data": 1}]}',
    ],
    ids=range(10),
)
def test_a_broken_body_is_refused_and_nothing_worse(body: bytes) -> None:
    assert len(refused(body).message) < 300


def test_a_deep_nest_among_many_numbers_costs_no_time() -> None:
    body = b'{"instances": [' + b"1," * 100_000 + b"[" * 900 + b"]" * 900 + b"]}"
    assert refused(body).field == "instances"


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
trees = st.recursive(scalars, lambda part: st.lists(part, max_size=3))


@given(st.sampled_from([*DTYPES, "FLOAT"]), st.lists(st.integers(-1, 3), max_size=3), trees)
def test_any_tensor_is_read_or_refused(datatype: str, shape: list[int], data: Any) -> None:
    result = item_from_json(json.dumps(oip(datatype, shape, data)).encode(), None, ())
    if not isinstance(result, Failure):
        assert result[1]["x"].shape == tuple(shape)


@given(
    st.lists(trees | st.dictionaries(st.sampled_from("ab"), trees), max_size=3),
    st.sampled_from([None, ROW, TWO]),
)
def test_any_instances_are_read_or_refused(instances: list[Any], signature: Signature | None) -> None:
    result = item_from_json(json.dumps({"instances": instances}).encode(), signature, ())
    if not isinstance(result, Failure):
        assert {len(array) for array in result[1].values()} <= {len(instances)}


ANSWERED = Answered("r1", Served("digits", "2", "2", 17), "decision", b'{"order": 7}')


def answer(item: Item, form: str = OIP, answered: Answered = ANSWERED) -> dict[str, Any]:
    written = answer_to_json(answered, form, item)
    assert isinstance(written, bytes)
    tree: dict[str, Any] = json.loads(written)
    return tree


def test_an_answer_is_an_open_inference_response_with_its_decision() -> None:
    assert answer({"y": np.array([[1.5, 2.0]], "f4")}) == {
        "id": "r1",
        "model_name": "digits",
        "model_version": "2",
        "parameters": {"arm": "2", "epoch": 17, "decision_id": "decision"},
        "context": {"order": 7},
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.0]}],
    }


@pytest.mark.parametrize("datatype", sorted(set(DTYPES) - {"BYTES"}))
def test_every_datatype_comes_back_as_it_went(datatype: str) -> None:
    array = np.array([[0], [1]], DTYPES[datatype])
    (output,) = answer({"y": array})["outputs"]
    assert (output["datatype"], output["shape"]) == (datatype, [2, 1])
    assert np.array_equal(np.array(output["data"], DTYPES[datatype]).reshape(2, 1), array)


@pytest.mark.parametrize(
    ("array", "data"),
    [
        (np.array(["a", "é"]), ["a", "é"]),
        (np.array([b"a", b"\xff"]), ["a", "�"]),
        (np.array([b"a", "b"], dtype=object), ["a", "b"]),
        (np.array([2**63], ">u8"), [2**63]),
        (np.array([np.nan, np.inf, 1], "f8"), [None, None, 1.0]),
    ],
    ids=["str", "bytes", "object", "big-endian", "nan"],
)
def test_outputs_of_every_kind_have_a_json_form(array: Any, data: list[Any]) -> None:
    assert answer({"y": array})["outputs"][0]["data"] == data
    assert answer({"y": array}, INSTANCES)["predictions"] == data


@pytest.mark.parametrize(
    "array", [np.ones(1, "c8"), np.array([3], dtype=object), np.array(["a", 3], dtype=object)]
)
def test_an_output_without_json_form_is_a_failure(array: Any) -> None:
    failure = answer_to_json(ANSWERED, OIP, {"y": array})
    assert isinstance(failure, Failure)
    assert failure.field == "y"


def test_predictions_of_several_outputs_are_objects() -> None:
    item = {"label": np.array([7, 8]), "score": np.array([[0.5, 0.5], [0.25, 0.75]])}
    assert answer(item, INSTANCES)["predictions"] == [
        {"label": 7, "score": [0.5, 0.5]},
        {"label": 8, "score": [0.25, 0.75]},
    ]


def test_a_refusal_has_its_error_and_context_and_no_decision_before_there_was_one() -> None:
    answered = Answered("r1", Served("digits", "", "", 0), "", b"[1]")
    tree = json.loads(refusal_to_json(answered, Failure(INVALID_ARGUMENT, "no", "x")))
    error = {"code": INVALID_ARGUMENT, "message": "no", "retryable": False, "field": "x"}
    assert tree == {"id": "r1", "model_name": "digits", "context": [1], "error": error}


@pytest.mark.parametrize(
    ("value", "context"),
    [
        (b'{"context": [1, {"a": 2}]}', b'[1, {"a": 2}]'),
        (b"{}", b""),
        (b"nonsense", b""),
        (b"[" * 99_999, b""),
    ],
    ids=["given", "none", "malformed", "bomb"],
)
def test_a_context_is_echoed_as_it_was_written(value: bytes, context: bytes) -> None:
    assert context_from_json(value) == context


def test_an_input_that_is_given_twice_is_refused() -> None:
    body = oip("INT64", [1], [1])
    failure = refused({"inputs": body["inputs"] * 2})
    assert (failure.field, failure.message) == ("inputs.x", "inputs.x: is given twice")


@pytest.mark.parametrize("token", [b"NaN", b"-Infinity"])
def test_a_token_that_json_lacks_is_named(token: bytes) -> None:
    value = json.dumps(oip("FP32", [1], [77])).replace("77", token.decode()).encode()
    assert "NaN and Infinity are not JSON" in refused(value).message
