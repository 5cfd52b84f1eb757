"""A dead letter's record, made ready to be sent again."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from google.protobuf.message import DecodeError

from pointsman.errors import FAILED_PRECONDITION, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1 import ingress_pb2
from pointsman.wire.head import JSON, PROTOBUF, is_said

# The header of a record that is sent again on purpose: no window drops it as a repeat.
REPLAYED: Final = "replayed"

_shape: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Replay(NamedTuple):
    """A Kafka record. A key of None and an empty one are not the same to a partitioner."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def replay_of(letter: pb.DeadLetter, *, anew: bool = False) -> Replay | Failure:
    """Return the record under the id it had, so that its answer is the answer of the first one.

    It goes to the version that had been decided on, unless it is to be decided `anew`. What the letter does
    not hold whole cannot be sent again. A relative deadline begins again with the new record.
    """
    ingress = letter.ingress
    if letter.sha256:
        kept = f"{len(ingress.value)} of {letter.value_size} bytes"
        return Failure(FAILED_PRECONDITION, f"the letter holds only {kept}; send the request from its source")
    if ingress.null_value:
        return Failure(FAILED_PRECONDITION, "the record had no value: there is nothing to send")
    version = "" if anew else letter.version
    value, headers = ingress.value, {header.key: header.value for header in ingress.headers}
    headers[REPLAYED] = b"1"
    if ingress.format == PROTOBUF:
        value = _protobuf(value, letter.id, version)
    elif ingress.format == JSON:
        said = _json(value, letter.id, version)
        if said is not None:
            value = said
        else:  # a flat record's fields are its owner's: its headers speak to the router
            headers |= {"id": letter.id.encode()} | ({"version": version.encode()} if version else {})
    if "model" not in headers and not ingress.key and letter.model:
        headers["model"] = letter.model.encode()
    return Replay(ingress.topic, ingress.key or None, value, list(headers.items()))


def _protobuf(value: bytes, request_id: str, version: str) -> bytes:
    """Return the request with id and version: of a scalar field that comes twice a parser takes the last."""
    try:
        pb.RequestHead.FromString(value)
    except DecodeError:
        return value
    return value + pb.InferenceRequest(id=request_id, version=version).SerializeToString()


def _json(value: bytes, request_id: str, version: str) -> bytes | None:
    """Return the body with id and version, every other field as it was; None for a flat or broken record."""
    try:
        fields = _shape.decode(value)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if not any(name in fields and is_said(fields[name]) for name in ("inputs", "instances")):
        return None
    fields["id"] = msgspec.Raw(msgspec.json.encode(request_id))
    if version:
        fields["version"] = msgspec.Raw(msgspec.json.encode(version))
    return msgspec.json.encode(fields)


def origin(ingress: ingress_pb2.Ingress) -> str:
    """Return where the record lay."""
    return f"{ingress.topic}-{ingress.partition}-{ingress.offset}"
