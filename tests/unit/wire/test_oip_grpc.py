"""Requests of the Open Inference Protocol become tensors exactly, or a failure that names what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import DTYPES
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_grpc import CONTENTS, outputs_failure, parameters_of, tensors_of
from pointsman.wire.oip_grpc_answer import answer_of
from pointsman.wire.tensors import array_from_pb, tensor_to_pb

shapes = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple)


def elements(datatype: str) -> st.SearchStrategy[Any]:
    dtype = DTYPES[datatype]
    if dtype.hasobject:
        return st.binary(max_size=6)
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind == "f":
        return st.floats(width=dtype.itemsize * 8, allow_nan=False)  # type: ignore[arg-type]
    return st.integers(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))


@st.composite
def tensors(draw: st.DrawFn, names: tuple[str, ...] = tuple(sorted(DTYPES))) -> pb.Tensor:
    datatype, shape = draw(st.sampled_from(names)), draw(shapes)
    count = int(np.prod(shape, dtype=int))
    values = draw(st.lists(elements(datatype), min_size=count, max_size=count))
    array: np.ndarray[Any, Any] = np.empty(count, DTYPES[datatype])
    array[:] = values
    tensor = tensor_to_pb("x", array.reshape(shape))
    assert isinstance(tensor, pb.Tensor)
    return tensor


def request(raw: list[bytes] | None = None, **tensor: Any) -> oip.ModelInferRequest:
    fields: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": [2], **tensor}
    return oip.ModelInferRequest(model_name="m", inputs=[fields], raw_input_contents=raw or [])


def typed(tensor: pb.Tensor) -> oip.InferTensorContents:
    array = array_from_pb(tensor)
    assert not isinstance(array, Failure)
    return oip.InferTensorContents(**{CONTENTS[tensor.datatype]: array.ravel().tolist()})


def failure_of(asked: oip.ModelInferRequest) -> Failure:
    failure = tensors_of(oip.ModelInferRequest.FromString(asked.SerializeToString()))
    assert isinstance(failure, Failure)
    assert failure.code == INVALID_ARGUMENT
    return failure


@given(tensors())
def test_raw_contents_are_the_tensor(tensor: pb.Tensor) -> None:
    asked = request([tensor.raw], datatype=tensor.datatype, shape=tensor.shape)
    assert tensors_of(asked) == [tensor]


@given(tensors(tuple(CONTENTS)))
def test_typed_contents_are_the_same_tensor(tensor: pb.Tensor) -> None:
    asked = request(datatype=tensor.datatype, shape=tensor.shape, contents=typed(tensor))
    read = tensors_of(asked)
    assert not isinstance(read, Failure)
    assert read[0].SerializeToString(deterministic=True) == tensor.SerializeToString(deterministic=True)


@given(tensors(), st.booleans())
def test_an_answer_reads_back_as_the_output_it_was(tensor: pb.Tensor, is_raw: bool) -> None:
    asked = oip.ModelInferRequest(parameters={"binary_data_output": oip.InferParameter(bool_param=is_raw)})
    response = pb.InferenceResponse(outputs=pb.Tensors(tensors=[tensor]))
    answer = answer_of(asked, response)
    assert isinstance(answer, oip.ModelInferResponse)
    assert bool(answer.raw_output_contents) == (is_raw or tensor.datatype == "FP16")
    output = answer.outputs[0]
    back = request(list(answer.raw_output_contents), datatype=output.datatype, shape=output.shape)
    back.inputs[0].contents.CopyFrom(output.contents)
    assert tensors_of(back) == [tensor]


@given(st.binary(max_size=60))
def test_no_bytes_raise(value: bytes) -> None:
    for raw in ([value], None):
        for datatype in (*DTYPES, "BF16", ""):
            asked = request(raw, datatype=datatype, shape=list(value[:3]))
            assert isinstance(tensors_of(asked), list | Failure)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (request([b"1234567"]), "'x': shape [2] of float32 needs 8 bytes, there are 7"),
        (request([]), "'x': shape [2] needs 2 elements, fp32_contents has 0"),
        (request(shape=[-1, -2], contents={"fp32_contents": [1, 2]}), "'x': shape [-1, -2] has a negative"),
        (request(shape=[1] * 33, contents={"fp32_contents": [1]}), "at most 32 dimensions, this has 33"),
        (request(shape=[0, 2**62, 2**62]), "astronomical"),
        (request(datatype="BF16"), "'x': unknown datatype 'BF16'"),
        (request(datatype="FP16"), "'x': FP16 has no typed contents; use raw_input_contents"),
        (
            request(contents={"int_contents": [1, 2]}),
            "the elements of FP32 are in fp32_contents, not in int_",
        ),
        (request(datatype="INT8", contents={"int_contents": [1, 128]}), "an element does not fit INT8"),
        (request(datatype="UINT8", contents={"uint_contents": [1, 256]}), "an element does not fit UINT8"),
        (request([b"\2\0"], datatype="BOOL"), "a BOOL is the byte 0 or 1"),
        (request([b"\5\0\0\0abc"], datatype="BYTES"), "these are cut short"),
        (request([bytes(12)], datatype="BYTES"), "shape [2] needs 2 elements, the tensor has 3"),
        (
            request([bytes(8)], contents={"fp32_contents": [1, 2]}),
            "contents and raw_input_contents cannot both",
        ),
        (request([bytes(8), b""]), "raw_input_contents has 2 entries for 1 inputs"),
        (
            request([bytes(8)], parameters={"shared_memory_region": oip.InferParameter(string_param="r")}),
            "'x': the parameter shared_memory_region is not offered here",
        ),
        (oip.ModelInferRequest(), "the request holds no inputs"),
        (oip.ModelInferRequest(inputs=[{"name": "x"}, {"name": "x"}]), "'x': the input comes twice"),
    ],
)
def test_what_is_wrong_is_said_by_name(asked: oip.ModelInferRequest, said: str) -> None:
    assert said in failure_of(asked).message


def test_a_name_of_a_megabyte_does_not_make_a_message_of_a_megabyte() -> None:
    failure = failure_of(request(name="x" * 1_000_000, datatype="?" * 1_000_000))
    assert len(failure.message) < 300
    assert len(failure.field) < 100


def test_a_timeout_is_in_microseconds_and_the_other_parameters_are_text() -> None:
    asked = oip.ModelInferRequest()
    asked.parameters["timeout"].int64_param = 1_001
    asked.parameters["sampled"].bool_param = True
    asked.parameters["priority"].uint64_param = 2
    asked.parameters["temperature"].double_param = 0.5
    parameters = parameters_of(asked)
    assert parameters == (2, {"sampled": "true", "priority": "2", "temperature": "0.5"})


@pytest.mark.parametrize(
    "parameter",
    [{"int64_param": -1}, {"string_param": "5"}, {"bool_param": True}, {"double_param": 5.0}, {}],
)
def test_a_timeout_that_is_no_number_of_microseconds_is_refused(parameter: dict[str, Any]) -> None:
    asked = oip.ModelInferRequest(parameters={"timeout": oip.InferParameter(**parameter)})
    failure = parameters_of(asked)
    assert isinstance(failure, Failure)
    assert failure.field == "timeout"


def test_only_the_requested_outputs_come_in_their_order() -> None:
    response = pb.InferenceResponse(
        model="m",
        version="3",
        arm="canary",
        epoch=7,
        decision_id="d",
        attempt=1,
        outputs=pb.Tensors(tensors=[{"name": name, "datatype": "BYTES"} for name in "abc"]),
    )
    asked = oip.ModelInferRequest(id="17", outputs=[{"name": "c"}, {"name": "a"}])
    answer = answer_of(asked, response)
    assert isinstance(answer, oip.ModelInferResponse)
    assert [output.name for output in answer.outputs] == ["c", "a"]
    assert (answer.id, answer.model_version) == ("17", "3")
    assert answer.parameters["arm"].string_param == "canary"
    assert answer.parameters["epoch"].int64_param == 7
    assert answer.parameters["decision_id"].string_param == "d"
    assert answer.parameters["attempt"].int64_param == 1
    asked.outputs.add(name="d")
    failure = answer_of(asked, response)
    assert isinstance(failure, Failure)
    assert "'d': unexpected inference output for model ''; it gives a, b, c" in failure.message


def test_outputs_that_nobody_can_give_are_refused_before_the_model_is_asked() -> None:
    twice = outputs_failure(oip.ModelInferRequest(outputs=[{"name": "a"}, {"name": "a"}]))
    assert twice is not None
    assert "'a': the output is requested twice" in twice.message
    one = {"name": "a", "parameters": {"classification": oip.InferParameter(int64_param=3)}}
    classes = outputs_failure(oip.ModelInferRequest(outputs=[one]))
    assert classes is not None
    assert "classification is not offered" in classes.message
