"""The messages of TensorFlow Serving's Predict to tensors and back."""

from __future__ import annotations

from typing import Final, NamedTuple

from pointsman.errors import INVALID_ARGUMENT, NOT_FOUND, Failure
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.shape import invalid, shown
from pointsman.wire.tfs_tensor import MAX_REPEATED_BYTES, tensor_from_proto, tensor_to_proto

# A model has one signature, under the name that a SavedModel's default has.
SIGNATURE: Final = "serving_default"

# No element takes more bytes, as against those of its message, unless it was repeated: a varint of one byte
# may be eight.
MAX_WIDENING: Final = 8


class Target(NamedTuple):
    """Which model is asked; version and label are empty where the split decides."""

    model: str
    version: str
    label: str


def target_of(spec: tfs.ModelSpec) -> Target | Failure:
    """Return whom a ModelSpec names."""
    if not spec.name:
        return Failure(INVALID_ARGUMENT, "Missing ModelSpec: a request names its model", "model_spec.name")
    if spec.signature_name not in ("", SIGNATURE):
        name = shown(spec.signature_name)
        message = f'Serving signature key {name} not found; a model has "{SIGNATURE}" alone'
        return Failure(INVALID_ARGUMENT, message, "model_spec.signature_name")
    if spec.WhichOneof("version_choice") != "version":
        return Target(spec.name, "", spec.version_label)
    if spec.version.value < 0:
        return invalid("model_spec.version", "a version is not negative")
    return Target(spec.name, str(spec.version.value), "")


def tensors_of(request: tfs.PredictRequest) -> list[pb.Tensor] | Failure:
    """Return the inputs, each checked. Repeated values may add 16 MiB to all of them together."""
    if not request.inputs:
        return Failure(INVALID_ARGUMENT, "the request holds no inputs", "inputs")
    tensors, room = [], MAX_REPEATED_BYTES
    for name, proto in sorted(request.inputs.items()):
        tensor = tensor_from_proto(name, proto, room)
        if isinstance(tensor, Failure):
            return tensor
        if len(tensor.raw) > MAX_WIDENING * proto.ByteSize():
            room -= len(tensor.raw)
        tensors.append(tensor)
    return tensors


def answer_of(request: tfs.PredictRequest, response: pb.InferenceResponse) -> tfs.PredictResponse | Failure:
    """Return the outputs that output_filter names; all of them where it is empty."""
    outputs = {tensor.name: tensor for tensor in response.outputs.tensors}
    for name in request.output_filter:
        if name not in outputs:
            given = ", ".join(sorted(outputs))
            return invalid(name, f"output tensor alias not found in signature; the model gives {given}")
    answer = tfs.PredictResponse(model_spec=served_spec(request.model_spec, response))
    for name in request.output_filter or outputs:
        proto = tensor_to_proto(outputs[name])
        if isinstance(proto, Failure):
            return proto
        answer.outputs[name].CopyFrom(proto)
    return answer


def served_spec(asked: tfs.ModelSpec, response: pb.InferenceResponse) -> tfs.ModelSpec:
    """Return the ModelSpec of who answered; without a version where that is no number."""
    spec = tfs.ModelSpec(name=asked.name, signature_name=asked.signature_name or SIGNATURE)
    number = version_number(response.version)
    if number is not None:
        spec.version.value = number
    return spec


def version_number(version: str) -> int | None:
    """Return the number that a version is called; None where it has another name."""
    is_number = version.isascii() and version.isdigit() and len(version) < 19
    return int(version) if is_number else None


def unknown_servable(target: Target) -> Failure:
    """Return the failure in the words that clients of TensorFlow Serving look for."""
    if target.label:
        message = f"Unrecognized servable version label: {shown(target.label)}"
        return Failure(NOT_FOUND, message, "model_spec.version_label")
    model = target.model[:80]
    which = f"Specific({model}, {target.version})" if target.version else f"Latest({model})"
    return Failure(NOT_FOUND, f"Servable not found for request: {which}", "model_spec")
