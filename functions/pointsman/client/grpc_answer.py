"""What the answer to a gRPC call comes to: a result, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message

from pointsman.client.about import Health, Metadata, ModelVersion
from pointsman.client.headers import ERROR, PUSHBACK
from pointsman.client.insistence import Late, Setback
from pointsman.client.prediction import Prediction, prediction_from_pb
from pointsman.client.setbacks import MAX_MESSAGE, cut_off, nobody, unreadable, untrusted
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import (
    CODES,
    DEADLINE_EXCEEDED,
    INTERNAL,
    NOT_FOUND,
    OUT_OF_RANGE,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    Failure,
    Refused,
)
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb

M = TypeVar("M", bound=Message)
T = TypeVar("T")

# Not ABORTED, where somebody must mend something first.
_RETRYABLE: Final = frozenset({UNAVAILABLE, RESOURCE_EXHAUSTED})
# gRPC has one code for each of these, and tells them apart in words alone.
_TOO_LARGE: Final = "larger than max"
_UNTRUSTED: Final = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed", "Peer name")
_UNREACHED: Final = ("failed to connect", "Failed to connect", "DNS resolution", "Connection refused")
_MOST_MS: Final = 2**31 - 1
# What asyncio's channel says where a message that could not be sent hides why the call has ended.
_HIDDEN: Final = "Internal error from Core"


class Status(NamedTuple):
    """How a call ended that has no answer: a code's name, a sentence, and the trailing metadata."""

    code: str
    details: str
    trailing: Mapping[str, str | bytes]


def setback_of(status: Status, where: str) -> Setback | Late:
    """Return what a call without an answer comes to."""
    came = _setback_of(status, where)
    if isinstance(came, Late):
        return came
    after = _pushback(status.trailing.get(PUSHBACK))
    return came._replace(retryable=came.retryable and after is not None, after=after or 0.0)


def _setback_of(status: Status, where: str) -> Setback | Late:
    # The gateway's own word is in the metadata; without it gRPC, or a proxy, has spoken.
    error = _error(status.trailing.get(ERROR))
    if error is not None:
        refused = Refused(Failure(error.code, error.message, error.field))
        return Setback(refused, error.retryable and error.code in _RETRYABLE)
    if status.code == DEADLINE_EXCEEDED:
        return Late()
    if status.code in (UNAVAILABLE, "CANCELLED") or status.details == _HIDDEN:
        return _broken(status.details[:MAX_MESSAGE], where)
    code = _code(status)
    said = status.details[:MAX_MESSAGE] or f"the server answers {status.code} without a reason"
    return Setback(Refused(Failure(code, said)), code in _RETRYABLE)


def reading(kind: type[M], make: Callable[[M], T | Setback]) -> Callable[[bytes], T | Setback]:
    """Return what reads an answer's bytes and makes the result of its message."""

    def read(body: bytes) -> T | Setback:
        try:
            message = kind.FromString(body)
        except DecodeError:
            return unreadable(f"it is no {kind.DESCRIPTOR.full_name}")
        return make(message)

    return read


def prediction_from(response: pb.InferenceResponse) -> Prediction | Setback:
    """Return the prediction of an answer."""
    prediction = prediction_from_pb(response)
    if prediction.failure is None:
        return prediction
    if response.HasField("error"):
        return Setback(Refused(prediction.failure))
    return unreadable(prediction.failure.message)


def models_from(index: oip.RepositoryIndexResponse) -> list[ModelVersion]:
    """Return the repository's index."""
    return [ModelVersion(one.name, one.version, one.state, one.reason) for one in index.models]


def metadata_from(said: oip.ModelMetadataResponse) -> Metadata:
    """Return a model's metadata."""
    inputs, outputs = (
        tuple(TensorSpec(one.name, one.datatype, tuple(one.shape)) for one in tensors)
        for tensors in (said.inputs, said.outputs)
    )
    return Metadata(said.name, tuple(said.versions), said.platform, Signature(inputs, outputs))


def readiness_from(said: oip.ModelReadyResponse) -> bool:
    """Return whether a model takes requests."""
    return bool(said.ready)


def health_from(said: oip.ServerReadyResponse) -> Health:
    """Return the health of a server that answered."""
    return Health(live=True, ready=said.ready)


def _error(raw: str | bytes | None) -> pb.Error | None:
    if not isinstance(raw, bytes):
        return None
    try:
        return pb.Error.FromString(raw)
    except DecodeError:
        return None


def _pushback(text: str | bytes | None) -> float | None:
    """Return the seconds after which to ask again, 0 where nobody says; None: not at all.

    That is what a negative number says, or whatever is no 32-bit one (gRFC A6, "Pushback").
    """
    if text is None:
        return 0.0
    is_number = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 11
    if not is_number or int(text) > _MOST_MS:
        return None
    return int(text) / 1000


def _broken(details: str, where: str) -> Setback:
    if any(words in details for words in _UNTRUSTED):
        return untrusted(where, details)
    if any(words in details for words in _UNREACHED):
        return nobody(where, details)
    return cut_off(where, details)


def _code(status: Status) -> str:
    """Return the code that the same trouble has over HTTP."""
    if status.code == RESOURCE_EXHAUSTED and _TOO_LARGE in status.details:
        return OUT_OF_RANGE
    if status.code == "UNIMPLEMENTED":
        return NOT_FOUND
    return status.code if status.code in CODES else INTERNAL
