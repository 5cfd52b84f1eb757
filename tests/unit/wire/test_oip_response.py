"""Open Inference Protocol answers: the outputs that were asked for, as they were asked for."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import DTYPES
from pointsman.errors import FAILED_PRECONDITION, INTERNAL, INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_request import OipRequest, RequestedOutput, read_request
from pointsman.wire.oip_response import OipBody, write_response
from pointsman.wire.tensors import join_bytes

SCORES = pb.Tensor(name="scores", datatype="FP32", shape=[1, 2], raw=np.array([1.5, 2], "<f4").tobytes())
LABEL = pb.Tensor(name="label", datatype="INT64", shape=[1], raw=np.array([2**63 - 1], "<i8").tobytes())


def answer(*tensors: pb.Tensor, **fields: Any) -> pb.InferenceResponse:
    known = {"id": "g-1", "model": "digits", "version": "2", "arm": "b", "epoch": 17, "decision_id": "d"}
    return pb.InferenceResponse(**{**known, **fields}, outputs=pb.Tensors(tensors=tensors))


def asked(*outputs: tuple[str, bool], binary: bool = False, request_id: str = "r1") -> OipRequest:
    wanted = tuple(RequestedOutput(*output) for output in outputs) or None
    return OipRequest(request_id, [], wanted, binary)


def written(response: pb.InferenceResponse, request: OipRequest) -> tuple[dict[str, Any], bytes]:
    body = write_response(response, request)
    assert isinstance(body, OipBody), body
    end = len(body.body) if body.json_length is None else body.json_length
    tree = json.loads(body.body[:end])
    assert (body.json_length is not None) == any("parameters" in output for output in tree["outputs"])
    return tree, body.body[end:]


def refused(response: pb.InferenceResponse, request: OipRequest) -> Failure:
    failure = write_response(response, request)
    assert isinstance(failure, Failure), failure
    return failure


def test_an_answer_in_json_has_its_decision_and_flat_data() -> None:
    tree, tail = written(answer(SCORES), asked())
    assert tree == {
        "model_name": "digits",
        "model_version": "2",
        "id": "r1",
        "parameters": {"arm": "b", "epoch": 17, "decision_id": "d"},
        "outputs": [{"name": "scores", "datatype": "FP32", "shape": [1, 2], "data": [1.5, 2.0]}],
    }
    assert tail == b""


def test_an_answer_says_the_attempt_where_there_is_one() -> None:
    assert written(answer(attempt=2), asked())[0]["parameters"]["attempt"] == 2


def test_an_answer_without_a_version_or_an_output_has_neither() -> None:
    tree, _ = written(answer(version=""), asked())
    assert tree == {"model_name": "digits", "id": "r1", "outputs": []}


@pytest.mark.parametrize("request_id", ["r1", ""])
def test_the_id_is_the_callers_and_never_the_answers_own(request_id: str) -> None:
    assert written(answer(), asked(request_id=request_id))[0].get("id", "") == request_id


def test_binary_outputs_follow_the_json_in_order() -> None:
    tree, tail = written(answer(SCORES, LABEL), asked(binary=True))
    assert [output["parameters"] for output in tree["outputs"]] == [
        {"binary_data_size": 8},
        {"binary_data_size": 8},
    ]
    assert not any("data" in output for output in tree["outputs"])
    assert tail == SCORES.raw + LABEL.raw


def test_outputs_come_as_each_was_asked_for() -> None:
    tree, tail = written(answer(SCORES, LABEL), asked(("label", False), ("scores", True)))
    label, scores = tree["outputs"]
    assert (label["name"], label["data"]) == ("label", [2**63 - 1])
    assert (scores["name"], scores["parameters"]) == ("scores", {"binary_data_size": 8})
    assert tail == SCORES.raw
    assert [
        output["name"] for output in written(answer(SCORES, LABEL), asked(("label", False)))[0]["outputs"]
    ]


def test_an_output_that_the_model_lacks_is_refused_with_those_it_has() -> None:
    failure = refused(answer(SCORES, LABEL), asked(("scores", True), ("logits", True)))
    assert failure == Failure(
        INVALID_ARGUMENT, "the model has no output 'logits'; it has scores, label", "outputs.logits"
    )
    assert len(refused(answer(SCORES), asked(("x" * 10_000, True))).message) < 300


@pytest.mark.parametrize(
    ("datatype", "raw", "data"),
    [
        ("FP32", np.array([np.nan, -np.inf], "<f4").tobytes(), [None, None]),
        ("FP64", np.array([0.1, np.inf], "<f8").tobytes(), [0.1, None]),
        ("FP16", np.array([0.5, np.nan], "<f2").tobytes(), [0.5, None]),
        ("BOOL", b"\0\1", [False, True]),
        ("UINT64", np.array([0, 2**64 - 1], "<u8").tobytes(), [0, 2**64 - 1]),
        ("BYTES", join_bytes([b"a\0", b"\xff"]), ["a\0", "\ufffd"]),
    ],
)
def test_every_kind_of_element_has_a_json_form(datatype: str, raw: bytes, data: list[Any]) -> None:
    tensor = pb.Tensor(name="y", datatype=datatype, shape=[2], raw=raw)
    assert written(answer(tensor), asked())[0]["outputs"][0]["data"] == data


@pytest.mark.parametrize(
    ("datatype", "shape", "raw"),
    [
        ("FP32", [2], b"\0" * 7),
        ("FP32", [-2], b"\0" * 8),
        ("FP32", [2**62], b""),
        ("BYTES", [2], b"\0\0\0\0"),
        ("BYTES", [1], b"\1\0\0"),
        ("BF16", [1], b"\0\0"),
    ],
)
def test_an_output_that_is_not_what_it_says_is_a_failure(datatype: str, shape: list[int], raw: bytes) -> None:
    tensor = pb.Tensor(name="y", datatype=datatype, shape=shape, raw=raw)
    assert refused(answer(tensor), asked()).code == INTERNAL


@pytest.mark.parametrize("binary", [True, False])
def test_an_output_by_reference_must_be_fetched_first(binary: bool) -> None:
    tensor = pb.Tensor(name="y", datatype="FP32", shape=[1], reference="blob-1")
    assert refused(answer(tensor), asked(binary=binary)).code == FAILED_PRECONDITION


@given(
    st.sampled_from(sorted(set(DTYPES) - {"BYTES", "BOOL"})),
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.data(),
)
def test_an_answer_sent_back_as_a_request_is_the_same_tensor(
    datatype: str, shape: list[int], data: st.DataObject
) -> None:
    count = math.prod(shape)
    elements = data.draw(st.lists(st.integers(0, 127), min_size=count, max_size=count))
    raw = np.array(elements, DTYPES[datatype]).tobytes()
    tensor = pb.Tensor(name="y", datatype=datatype, shape=shape, raw=raw)
    for binary in (False, True):
        tree, tail = written(answer(tensor), asked(binary=binary))
        text = json.dumps({"inputs": tree["outputs"]}).encode()
        back = read_request(text + tail, len(text))
        assert isinstance(back, OipRequest), back
        assert back.tensors == [tensor]
