"""The gRPC clients without their sockets: messages are built here, for both."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias, TypeVar

from google.protobuf.message import EncodeError

from pointsman.client.about import Health, Metadata, ModelVersion
from pointsman.client.ask import Ask
from pointsman.client.core import Core, Question
from pointsman.client.grpc_answer import (
    health_from,
    metadata_from,
    models_from,
    prediction_from,
    readiness_from,
    reading,
)
from pointsman.client.prediction import Prediction, fill_payload
from pointsman.errors import INVALID_ARGUMENT, Failure, Refused
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb

T = TypeVar("T")

INFER: Final = "/pointsman.v1.Inference/Infer"
STREAM: Final = "/pointsman.v1.Inference/Stream"
_OIP: Final = "/inference.GRPCInferenceService"


class GrpcRequest(NamedTuple):
    """A call's path and its message, as they are sent."""

    method: str
    message: bytes


GrpcQuestion: TypeAlias = Question[GrpcRequest, bytes, T]


class GrpcCore(Core[GrpcRequest, bytes]):
    """Conversations over gRPC; see Core. The time that is left travels as the call's deadline."""

    def _inference(self, ask: Ask) -> GrpcQuestion[Prediction]:
        request = GrpcRequest(INFER, written(ask))
        return Question(lambda _: request, reading(pb.InferenceResponse, prediction_from))

    def _index(self) -> GrpcQuestion[list[ModelVersion]]:
        request = GrpcRequest(f"{_OIP}/RepositoryIndex", b"")
        return Question(lambda _: request, reading(oip.RepositoryIndexResponse, models_from))

    def _metadata(self, model: str, version: str) -> GrpcQuestion[Metadata]:
        asked = oip.ModelMetadataRequest(name=model, version=version)
        request = GrpcRequest(f"{_OIP}/ModelMetadata", asked.SerializeToString())
        return Question(lambda _: request, reading(oip.ModelMetadataResponse, metadata_from))

    def _readiness(self, model: str, version: str) -> GrpcQuestion[bool]:
        asked = oip.ModelReadyRequest(name=model, version=version)
        request = GrpcRequest(f"{_OIP}/ModelReady", asked.SerializeToString())
        return Question(lambda _: request, reading(oip.ModelReadyResponse, readiness_from))

    def _health(self) -> GrpcQuestion[Health]:
        request = GrpcRequest(f"{_OIP}/ServerReady", b"")
        return Question(lambda _: request, reading(oip.ServerReadyResponse, health_from))


def written(ask: Ask, timeout_ms: int = 0) -> bytes:
    """Return the message of a request; 0: it has the call's deadline alone. Raises Refused."""
    try:
        request = pb.InferenceRequest(
            id=ask.id,
            model=ask.model,
            version=ask.version,
            label=ask.label,
            unit=ask.unit,
            timeout_ms=timeout_ms,
        )
        fill_payload(request, ask.inputs)
        return request.SerializeToString()
    except (UnicodeError, EncodeError) as error:  # half a character; more than a message can have
        raise Refused(Failure(INVALID_ARGUMENT, f"the request cannot be written: {error}")) from error
