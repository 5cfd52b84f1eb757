"""Requests and answers of the client, between numpy and protobuf."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from pointsman.client.prediction import fill_payload, prediction_from_pb
from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Refused
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import tensor_to_pb


def filled(inputs: Any) -> pb.InferenceRequest:
    request = pb.InferenceRequest()
    fill_payload(request, inputs)
    return request


def test_one_array_is_the_tensor_input() -> None:
    (tensor,) = filled(np.ones((2, 3), np.float32)).tensors.tensors
    assert (tensor.name, list(tensor.shape)) == ("input", [2, 3])


def test_arrays_by_name_keep_their_names() -> None:
    request = filled({"a": np.zeros((1, 1)), "b": np.zeros((1, 2), np.int64)})
    assert [(t.name, t.datatype) for t in request.tensors.tensors] == [("a", "FP64"), ("b", "INT64")]


@pytest.mark.parametrize("body", [{"instances": [[1, 2]]}, {"age": 3}, {}, [1]])
def test_anything_else_travels_as_json(body: Any) -> None:
    assert msgspec.json.decode(filled(body).json) == body


def test_an_array_without_counterpart_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        filled(np.zeros(1, np.complex64))
    assert refused.value.failure.code == INVALID_ARGUMENT


def test_an_answer_brings_arrays_and_timings() -> None:
    tensor = tensor_to_pb("y", np.array([[1.5]], np.float32))
    assert isinstance(tensor, pb.Tensor)
    response = pb.InferenceResponse(
        id="1", model="m", version="2", arm="2", epoch=7, outputs=pb.Tensors(tensors=[tensor]),
        timings=pb.Timings(queued_us=5, compute_us=6, batch_rows=7), context=b"c",
    )  # fmt: skip
    prediction = prediction_from_pb(response)
    assert prediction.outputs["y"].tolist() == [[1.5]]
    assert (prediction.version, prediction.epoch, prediction.failure) == ("2", 7, None)
    assert (prediction.queued_us, prediction.compute_us, prediction.batch_rows) == (5, 6, 7)


def test_an_error_is_a_failure_with_its_field() -> None:
    error = pb.Error(code=NOT_FOUND, message="no such model", field="model")
    failure = prediction_from_pb(pb.InferenceResponse(id="1", error=error)).failure
    assert failure is not None
    assert (failure.code, failure.field, failure.retryable) == (NOT_FOUND, "model", False)


def test_outputs_that_cannot_be_read_are_a_failure() -> None:
    broken = pb.Tensors(tensors=[pb.Tensor(name="y", datatype="FP32", shape=[9], raw=b"x")])
    prediction = prediction_from_pb(pb.InferenceResponse(id="1", outputs=broken))
    assert prediction.failure is not None
    assert prediction.outputs == {}
