"""The Open Inference Protocol over gRPC, tensors as raw contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar
from urllib.parse import unquote

from google.protobuf.message import DecodeError, Message

from pointsman.core.tensor import Array, Item, Signature
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.runtimes.remote.grpc_line import GrpcLine
from pointsman.runtimes.remote.opening import Place
from pointsman.runtimes.remote.trouble import unreadable
from pointsman.wire.oip_described import outputs_from, signature_from
from pointsman.wire.tensors import array_from_pb

M = TypeVar("M", bound=Message)

_SERVICE: Final = "/inference.GRPCInferenceService"


class GrpcDoor:
    """A model over gRPC; see Door."""

    def __init__(self, place: Place, key: str, most_bytes: int) -> None:
        self._line = GrpcLine(place.address, key, most_bytes)
        self._model, self._version = unquote(place.model), unquote(place.version)
        self.close = self._line.close

    def describe(self, left_s: float) -> Signature | None:
        """See Door."""
        asked = oip.ModelMetadataRequest(name=self._model, version=self._version)
        return signature_from(self._ask("ModelMetadata", asked, oip.ModelMetadataResponse, left_s))

    def infer(self, tensors: Sequence[pb.Tensor], left_s: float) -> Item:
        """See Door."""
        asked = oip.ModelInferRequest(model_name=self._model, model_version=self._version)
        for tensor in tensors:
            asked.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
            asked.raw_input_contents.append(tensor.raw)
        said = outputs_from(self._ask("ModelInfer", asked, oip.ModelInferResponse, left_s))
        if isinstance(said, Failure):
            raise unreadable(said)
        return {tensor.name: _array(tensor) for tensor in said}

    def _ask(self, name: str, asked: Message, kind: type[M], left_s: float) -> M:
        body = self._line.ask(f"{_SERVICE}/{name}", asked.SerializeToString(), left_s)
        try:
            return kind.FromString(body)
        except DecodeError:
            raise unreadable(Failure(INVALID_ARGUMENT, f"it is no {kind.DESCRIPTOR.name}")) from None


def _array(tensor: pb.Tensor) -> Array:
    array = array_from_pb(tensor)
    if isinstance(array, Failure):
        raise unreadable(array)
    return array
