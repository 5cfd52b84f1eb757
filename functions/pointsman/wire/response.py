"""Responses and dead letters to bytes."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from pointsman.core.tensor import DATATYPES, Item
from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1 import ingress_pb2
from pointsman.wire.framing import framed, tag, varint
from pointsman.wire.letter import attempt_of
from pointsman.wire.tensors import tensor_to_pb

_ID, _DECISION = tag(1), tag(6)
_OUTPUTS, _TENSORS, _RAW = 16, 1, 4
# A dead letter keeps this much of a value; more is cut, with the digest of the whole.
DEAD_LETTER_BYTES: Final = 1 << 20


class Served(NamedTuple):
    """By whom a batch was answered: the part of its responses that is equal."""

    model: str
    version: str
    arm: str
    epoch: int


class ResponseWriter:
    """Writes the protobuf responses of one batch; what they share is serialised once."""

    def __init__(self, served: Served, timings: pb.Timings) -> None:
        self._common = pb.InferenceResponse(
            model=served.model,
            version=served.version,
            arm=served.arm,
            epoch=served.epoch,
            timings=timings,
        ).SerializeToString()

    def answer(self, request_id: str, decision_id: str, item: Item, echo: bytes = b"") -> bytes | Failure:
        """Return the response with outputs; `echo` is a serialised InferenceResponse to append."""
        identity, decision = request_id.encode(), decision_id.encode()
        outputs = _outputs(item)
        if isinstance(outputs, Failure):
            return outputs
        frame, raw = outputs
        id_size, decision_size = varint(len(identity)), varint(len(decision))
        return b"".join(
            (self._common, _ID, id_size, identity, _DECISION, decision_size, decision, frame, raw, echo)
        )

    def refusal(self, request_id: str, decision_id: str, failure: Failure, echo: bytes = b"") -> bytes:
        """Return the response with an error."""
        error = pb.InferenceResponse(error=error_to_pb(failure)).SerializeToString()
        begin = pb.InferenceResponse(id=request_id, decision_id=decision_id).SerializeToString()
        return self._common + begin + error + echo


def _outputs(item: Item) -> tuple[bytes, bytes] | Failure:
    """Return the outputs in two parts.

    Of one tensor of a fixed-size datatype all but the elements is equal for equal shapes.
    """
    if len(item) != 1:
        return _several(item)
    ((name, array),) = item.items()
    datatype = DATATYPES.get(array.dtype)
    if datatype is None or array.dtype.hasobject:
        return _several(item)
    return _frame(name, datatype, array.shape, array.nbytes), array.tobytes()


@lru_cache(maxsize=1024)
def _frame(name: str, datatype: str, shape: tuple[int, ...], size: int) -> bytes:
    """Return the bytes before the elements: the tags and lengths of outputs, tensor and raw."""
    fields = pb.Tensor(name=name, datatype=datatype, shape=shape).SerializeToString()
    tensor = fields + (tag(_RAW) + varint(size) if size else b"")
    tensors = tag(_TENSORS) + varint(len(tensor) + size) + tensor
    return tag(_OUTPUTS) + varint(len(tensors) + size) + tensors


def _several(item: Item) -> tuple[bytes, bytes] | Failure:
    tensors = pb.Tensors()
    for name, array in item.items():
        tensor = tensor_to_pb(name, array)
        if isinstance(tensor, Failure):
            return tensor
        tensors.tensors.append(tensor)
    return framed(_OUTPUTS, tensors.SerializeToString()), b""


def error_to_pb(failure: Failure) -> pb.Error:
    """Return the error message of a failure."""
    return pb.Error(
        code=failure.code, message=failure.message, retryable=failure.retryable, field=failure.field
    )


def error_from_pb(error: pb.Error) -> Failure:
    """Return the failure of an error message."""
    return Failure(error.code, error.message, error.field)


def echo_of(request: pb.InferenceRequest) -> bytes:
    """Return what a response repeats of its request, serialised; empty for most."""
    if not request.context and not request.traceparent:
        return b""
    return pb.InferenceResponse(context=request.context, traceparent=request.traceparent).SerializeToString()


def echo_of_bytes(value: bytes) -> bytes:
    """Return what a response repeats of a serialised request; empty where it is none."""
    try:
        return echo_of(pb.InferenceRequest.FromString(value))
    except DecodeError:
        return b""


def dead_letter(
    ingress: ingress_pb2.Ingress,
    served: Served,
    request_id: str,
    failure: Failure,
    at_ms: int,
    keep: int = DEAD_LETTER_BYTES,
    decision_id: str = "",
) -> bytes:
    """Return the dead letter of a record: whole, or `keep` bytes of it with the digest of the whole value."""
    letter = pb.DeadLetter(
        id=request_id,
        model=served.model,
        version=served.version,
        error=error_to_pb(failure),
        attempts=attempt_of(ingress),
        at_ms=at_ms,
        value_size=len(ingress.value),
        decision_id=decision_id,
    )
    letter.ingress.CopyFrom(ingress)
    if len(ingress.value) > keep:
        letter.sha256 = sha256(ingress.value).digest()
        letter.ingress.value = ingress.value[:keep]
    return letter.SerializeToString()
