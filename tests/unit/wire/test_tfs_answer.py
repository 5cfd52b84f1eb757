"""Answers in TensorFlow Serving's JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import FAILED_PRECONDITION, UNAVAILABLE, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.json_request import COLUMNS
from pointsman.wire.tensors import tensor_to_pb
from pointsman.wire.tfs import ROWS
from pointsman.wire.tfs_answer import write_classify, write_predict, write_regress


def response(**outputs: Any) -> pb.InferenceResponse:
    answer = pb.InferenceResponse()
    for name, values in outputs.items():
        tensor = tensor_to_pb(name, np.asarray(values))
        assert isinstance(tensor, pb.Tensor)
        answer.outputs.tensors.append(tensor)
    return answer


def tree(written: bytes | Failure) -> Any:
    assert isinstance(written, bytes), written
    return json.loads(written)


def code(written: bytes | Failure) -> str:
    assert isinstance(written, Failure), written
    return written.code


def test_one_output_is_bare() -> None:
    answer = response(y=np.array([[1.5, 2], [3, 4]], "f4"))
    assert tree(write_predict(answer, ROWS)) == {"predictions": [[1.5, 2.0], [3.0, 4.0]]}
    assert tree(write_predict(answer, COLUMNS)) == {"outputs": [[1.5, 2.0], [3.0, 4.0]]}


def test_several_outputs_go_by_name() -> None:
    answer = response(label=[7, 8], text=["a", "b"])
    assert tree(write_predict(answer, ROWS)) == {
        "predictions": [{"label": 7, "text": "a"}, {"label": 8, "text": "b"}]
    }
    assert tree(write_predict(answer, COLUMNS)) == {"outputs": {"label": [7, 8], "text": ["a", "b"]}}


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4))
def test_integers_are_exact(values: list[int]) -> None:
    assert tree(write_predict(response(y=np.array(values, "i8")), ROWS))["predictions"] == values


def test_the_largest_unsigned_integer_is_exact() -> None:
    assert tree(write_predict(response(y=np.array([2**64 - 1], "u8")), ROWS))["predictions"] == [2**64 - 1]


def test_bytes_are_base64_where_their_name_says_so() -> None:
    raw = np.array([[b"\xff\0", b""]], dtype=object)
    assert tree(write_predict(response(y_bytes=raw), ROWS))["predictions"] == [[{"b64": "/wA="}, {"b64": ""}]]
    assert tree(write_predict(response(y=raw), ROWS))["predictions"] == [["�\0", ""]]
    assert tree(write_predict(response(n_bytes=[3]), ROWS))["predictions"] == [3]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_numbers_that_json_lacks_are_tokens(dtype: str) -> None:
    values = np.array([math.nan, math.inf, -math.inf, 0.5], dtype)
    answer = response(y=values, text=["ü"] * 4)
    written = write_predict(answer, COLUMNS)
    assert written == '{"outputs":{"y":[NaN,Infinity,-Infinity,0.5],"text":["ü","ü","ü","ü"]}}'.encode()


def test_outputs_that_differ_in_their_rows_have_columns_only() -> None:
    for answer in (response(a=[1, 2], b=[1, 2, 3]), response(a=[1], b=5), response(a=5)):
        assert code(write_predict(answer, ROWS)) == FAILED_PRECONDITION
        assert "outputs" in tree(write_predict(answer, COLUMNS))


def test_an_error_stays_the_failure_that_it_is() -> None:
    answer = pb.InferenceResponse(error=pb.Error(code=UNAVAILABLE, message="no pod", field="version"))
    failure = Failure(UNAVAILABLE, "no pod", "version")
    assert write_predict(answer, ROWS) == write_classify(answer) == write_regress(answer) == failure


def test_an_answer_without_output_is_a_failure() -> None:
    for written in (
        write_predict(pb.InferenceResponse(), COLUMNS),
        write_classify(pb.InferenceResponse()),
        write_regress(pb.InferenceResponse()),
    ):
        assert code(written) == FAILED_PRECONDITION


def test_a_tensor_by_reference_is_a_failure() -> None:
    answer = pb.InferenceResponse()
    answer.outputs.tensors.add(name="y", datatype="FP32", shape=[1], reference="blob")
    assert code(write_predict(answer, ROWS)) == FAILED_PRECONDITION


SCORES = np.array([[0.5, 0.25], [0.125, 0.75]], "f4")


@pytest.mark.parametrize("name", ["classes", "labels"])
def test_classes_and_scores_are_pairs(name: str) -> None:
    named = write_classify(response(scores=SCORES, **{name: [["a", "b"], ["c", "d"]]}))
    assert tree(named)["results"] == [[["a", 0.5], ["b", 0.25]], [["c", 0.125], ["d", 0.75]]]
    numbered = write_classify(response(**{name: [7, 8]}, scores=SCORES[:, 0]))
    assert tree(numbered)["results"] == [[["7", 0.5]], [["8", 0.125]]]


@pytest.mark.parametrize("answer", [response(y=SCORES), response(scores=SCORES, other=[1, 2])])
def test_scores_without_classes_are_labelled_by_their_place(answer: pb.InferenceResponse) -> None:
    assert tree(write_classify(answer))["results"] == [[["0", 0.5], ["1", 0.25]], [["0", 0.125], ["1", 0.75]]]


@pytest.mark.parametrize(
    "answer",
    [
        response(y=[1, 2]),
        response(y=np.zeros(2, "f4")),
        response(y=np.zeros((1, 2, 3), "f4")),
        response(y=np.float32(1)),
        response(a=SCORES, b=SCORES),
        response(scores=SCORES, classes=["a", "b"]),
        response(scores=[["a"]], classes=[["a"]]),
    ],
)
def test_what_is_no_classification_is_told_what_is_needed(answer: pb.InferenceResponse) -> None:
    failure = write_classify(answer)
    assert code(failure) == FAILED_PRECONDITION
    assert "needs an output 'scores'" in str(failure)


@pytest.mark.parametrize("values", [SCORES[:, 0], SCORES[:, :1], np.array([1, 2])])
def test_one_number_per_row_is_a_regression(values: Any) -> None:
    assert tree(write_regress(response(y=values)))["results"] == values.ravel().tolist()


@pytest.mark.parametrize(
    "answer", [response(y=SCORES), response(y=["a"]), response(a=[1.0], b=[1.0]), response(y=1.5)]
)
def test_what_is_no_regression_is_told_what_is_needed(answer: pb.InferenceResponse) -> None:
    failure = write_regress(answer)
    assert code(failure) == FAILED_PRECONDITION
    assert "single output with one number per row" in str(failure)


def test_results_have_tokens_too() -> None:
    values = np.array([[math.nan]], "f4")
    assert write_classify(response(y=values)) == b'{"results":[[["0",NaN]]]}'
    assert write_regress(response(y=values)) == b'{"results":[NaN]}'


def test_no_rows_are_no_results() -> None:
    empty = np.zeros((0, 1), "f4")
    assert tree(write_predict(response(y=empty), ROWS)) == {"predictions": []}
    assert tree(write_classify(response(scores=empty, classes=empty.astype("i8")))) == {"results": []}
    assert tree(write_regress(response(y=empty))) == {"results": []}


dtypes = st.sampled_from(["f2", "f4", "f8", "i1", "u8", "?", "U1"])
arrays = st.tuples(dtypes, st.lists(st.integers(0, 3), max_size=3)).map(
    lambda kind: np.ones(kind[1], kind[0])
)


@given(st.dictionaries(st.sampled_from(["scores", "classes", "y", "y_bytes"]), arrays, max_size=3))
def test_any_outputs_are_written_or_a_failure(outputs: dict[str, Any]) -> None:
    answer = response(**outputs)
    for written in (
        write_predict(answer, ROWS),
        write_predict(answer, COLUMNS),
        write_classify(answer),
        write_regress(answer),
    ):
        assert isinstance(written, Failure) or json.loads(written)
