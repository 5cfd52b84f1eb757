"""An InferenceResponse to a ModelInferResponse of the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.errors import Failure
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.oip_grpc import CONTENTS
from pointsman.wire.shape import invalid, shown
from pointsman.wire.tensors import array_from_pb


def answer_of(
    request: oip.ModelInferRequest, response: pb.InferenceResponse
) -> oip.ModelInferResponse | Failure:
    """Return the answer with the requested outputs in their order; all of them where none is requested.

    Elements are raw. A request with the parameter `binary_data_output` false gets typed contents, where
    every output's datatype has them.
    """
    tensors = _requested(request, response)
    if isinstance(tensors, Failure):
        return tensors
    answer = oip.ModelInferResponse(
        model_name=response.model or request.model_name,
        model_version=response.version,
        id=request.id,
        parameters=_decision(response),
    )
    is_typed = _asks_typed(request) and all(tensor.datatype in CONTENTS for tensor in tensors)
    for tensor in tensors:
        output = answer.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if not is_typed:
            answer.raw_output_contents.append(tensor.raw)
            continue
        array = array_from_pb(tensor)
        if isinstance(array, Failure):
            return array
        getattr(output.contents, CONTENTS[tensor.datatype]).extend(array.ravel().tolist())
    return answer


def _requested(request: oip.ModelInferRequest, response: pb.InferenceResponse) -> list[pb.Tensor] | Failure:
    outputs = {tensor.name: tensor for tensor in response.outputs.tensors}
    for output in request.outputs:
        if output.name not in outputs:
            given = ", ".join(sorted(outputs))
            model = shown(request.model_name)
            return invalid(output.name, f"unexpected inference output for model {model}; it gives {given}")
    if not request.outputs:
        return list(outputs.values())
    return [outputs[output.name] for output in request.outputs]


def _asks_typed(request: oip.ModelInferRequest) -> bool:
    asked = request.parameters.get("binary_data_output")
    return asked is not None and asked.HasField("bool_param") and not asked.bool_param


def _decision(response: pb.InferenceResponse) -> Mapping[str, oip.InferParameter]:
    """Return which arm answered, as parameters."""
    if not response.arm:
        return {}
    return {
        "arm": oip.InferParameter(string_param=response.arm),
        "epoch": oip.InferParameter(int64_param=response.epoch),
        "decision_id": oip.InferParameter(string_param=response.decision_id),
        "attempt": oip.InferParameter(int64_param=response.attempt),
    }
