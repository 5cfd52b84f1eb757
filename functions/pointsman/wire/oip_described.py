"""What a server of the Open Inference Protocol says of a model, and its answers over gRPC, to who asks."""

from __future__ import annotations

from typing import Final

import msgspec

from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import Failure
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.malformed import UNREADABLE, malformed
from pointsman.wire.oip_grpc import tensors_of


class _Tensor(msgspec.Struct):
    name: str
    datatype: str
    shape: tuple[int, ...]


class _Metadata(msgspec.Struct):
    inputs: tuple[_Tensor, ...] = ()
    outputs: tuple[_Tensor, ...] = ()


_decoder: Final = msgspec.json.Decoder(_Metadata)


def read_metadata(body: bytes) -> Signature | Failure | None:
    """Return the signature, None where the metadata name no inputs, or why they cannot be read."""
    try:
        said = _decoder.decode(body)
    except UNREADABLE as error:
        return malformed(error, body)
    inputs, outputs = (
        tuple(TensorSpec(one.name, one.datatype, one.shape) for one in tensors)
        for tensors in (said.inputs, said.outputs)
    )
    return Signature(inputs, outputs) if inputs else None


def signature_from(said: oip.ModelMetadataResponse) -> Signature | None:
    """Return the signature of metadata that came over gRPC, None where they name no inputs."""
    inputs, outputs = (
        tuple(TensorSpec(one.name, one.datatype, tuple(one.shape)) for one in tensors)
        for tensors in (said.inputs, said.outputs)
    )
    return Signature(inputs, outputs) if inputs else None


def outputs_from(said: oip.ModelInferResponse) -> list[pb.Tensor] | Failure:
    """Return the outputs, each checked; they have the form of a request's inputs."""
    inputs = [
        oip.ModelInferRequest.InferInputTensor(
            name=one.name, datatype=one.datatype, shape=one.shape, contents=one.contents
        )
        for one in said.outputs
    ]
    return tensors_of(oip.ModelInferRequest(inputs=inputs, raw_input_contents=said.raw_output_contents))
