"""What a dead letter's record says beside its request: how often it was sent, and what it refers to."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError

from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1 import ingress_pb2

# Headers of a replayed record: which attempt it is, and that its version was put in by the replay.
ATTEMPT: Final = "pointsman-attempt"
PINNED: Final = "pointsman-pinned"
_MOST_ATTEMPTS: Final = 1_000_000


def attempt_of(ingress: ingress_pb2.Ingress) -> int:
    """Return which attempt at its request a record is: 1, unless a replay says more."""
    for header in ingress.headers:
        if header.key == ATTEMPT and header.value.isdigit() and len(header.value) < 8:
            return min(int(header.value), _MOST_ATTEMPTS)
    return 1


def references_of(ingress: ingress_pb2.Ingress) -> list[str]:
    """Return the keys of the tensors that a record holds by reference; only protobuf can."""
    if ingress.format != ingress_pb2.FORMAT_PROTOBUF:
        return []
    try:
        request = pb.InferenceRequest.FromString(ingress.value)
    except DecodeError:
        return []
    return [tensor.reference for tensor in request.tensors.tensors if tensor.reference and not tensor.raw]


def mark_of(letter_id: str, model: str, attempts: int, mark: pb.DeadLetter.Mark, at_ms: int) -> bytes:
    """Return the note that the letters of an id, up to so many attempts, are settled."""
    note = pb.DeadLetter(id=letter_id, model=model, attempts=attempts, mark=mark, at_ms=at_ms)
    return note.SerializeToString()
