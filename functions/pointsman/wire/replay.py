"""A dead letter's record, made ready to be sent again."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from google.protobuf.message import DecodeError

from pointsman.errors import FAILED_PRECONDITION, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.head import JSON, PROTOBUF, holds_tensors, json_fields
from pointsman.wire.letter import ATTEMPT, PINNED, attempt_of


class Replay(NamedTuple):
    """A Kafka record. A key of None and an empty one are not the same to a partitioner."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def replay_of(letter: pb.DeadLetter, *, anew: bool = False) -> Replay | Failure:
    """Return the record under the id it had, so that its answer is the answer of the first one.

    It goes to the version that had been decided on, unless it is to be decided `anew`; then a version that
    an earlier replay put in is taken out again, one that the sender named stays. What the letter does not
    hold whole cannot be sent again. A relative deadline begins again with the new record.
    """
    ingress = letter.ingress
    if letter.sha256:
        kept = f"{len(ingress.value)} of {letter.value_size} bytes"
        return Failure(FAILED_PRECONDITION, f"the letter holds only {kept}; send the request from its source")
    if ingress.null_value:
        return Failure(FAILED_PRECONDITION, "the record had no value: there is nothing to send")
    headers = {header.key: header.value for header in ingress.headers}
    is_pinned = PINNED in headers
    headers[ATTEMPT] = str(attempt_of(ingress) + 1).encode()
    if anew:
        headers.pop(PINNED, None)
    change = _Change(letter.id, "" if anew else letter.version, anew and is_pinned)
    value = ingress.value
    if ingress.format == PROTOBUF:
        value, named = _protobuf(value, change)
    elif ingress.format == JSON and (said := _json(value, change)) is not None:
        value, named = said
    else:
        named = _flat(headers, change) if ingress.format == JSON else ""
    if change.version and change.version != named:
        headers[PINNED] = b"1"
    if "model" not in headers and not ingress.key and letter.model:
        headers["model"] = letter.model.encode()
    return Replay(ingress.topic, ingress.key or None, value, list(headers.items()))


class _Change(NamedTuple):
    """What a replay writes into a record: its id, a version unless empty; or it takes the version out."""

    id: str
    version: str
    is_unpinned: bool


def _protobuf(value: bytes, change: _Change) -> tuple[bytes, str]:
    """Return the changed request, and the version that it named."""
    try:
        request = pb.InferenceRequest.FromString(value)
    except DecodeError:
        return value, ""
    named = request.version
    if change.is_unpinned:
        request.ClearField("version")
        value = request.SerializeToString()
    # Of a scalar field that comes twice a parser takes the last.
    return value + pb.InferenceRequest(id=change.id, version=change.version).SerializeToString(), named


def _json(value: bytes, change: _Change) -> tuple[bytes, str] | None:
    """Return the changed body, every other field as it was, and the version it named.

    None for a flat or broken record.
    """
    try:
        fields = json_fields(value)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if not holds_tensors(fields):
        return None
    named = bytes(fields.get("version", msgspec.Raw())).decode(errors="replace").strip('"')
    if change.is_unpinned:
        fields.pop("version", None)
    fields["id"] = msgspec.Raw(msgspec.json.encode(change.id))
    if change.version:
        fields["version"] = msgspec.Raw(msgspec.json.encode(change.version))
    return msgspec.json.encode(fields), named


def _flat(headers: dict[str, bytes], change: _Change) -> str:
    """Change the headers, for a flat record's fields are its owner's; return the version they named."""
    named = headers.get("version", b"").decode(errors="replace")
    if change.is_unpinned:
        headers.pop("version", None)
    headers["id"] = change.id.encode()
    if change.version:
        headers["version"] = change.version.encode()
    return named
