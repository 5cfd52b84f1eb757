"""Ingress bytes to heads: all that routing needs of a request, without its tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from google.protobuf.message import DecodeError

from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import inference_pb2, ingress_pb2, serving_pb2

JSON = ingress_pb2.FORMAT_JSON
PROTOBUF = ingress_pb2.FORMAT_PROTOBUF
_INTERACTIVE = inference_pb2.LANE_INTERACTIVE
_LATEST_MS = 2**63 - 1  # what an int64 field takes


class Head(NamedTuple):
    """The head of one request. A `fault` is final; the other fields are then as good as known."""

    id: str
    model: str  # as the request or its topic declares; empty where neither does
    version: str
    label: str
    unit: str
    deadline_ms: int  # absolute; 0: none declared
    reply_key: str
    interactive: bool
    timestamp_ms: int
    format: int
    context: bytes
    fault: Failure | None


class JsonHead(msgspec.Struct):
    """The fields of a JSON body that are the router's business; the rest is skipped unread."""

    id: str | int | None = None
    model: str | None = None
    version: str | int | None = None
    model_version: str | int | None = None
    label: str | None = None
    unit: str | int | None = None
    timeout_ms: int = 0
    reply_key: str | None = None
    context: msgspec.Raw = msgspec.Raw()
    inputs: msgspec.Raw = msgspec.Raw()
    instances: msgspec.Raw = msgspec.Raw()
    columns: msgspec.Raw = msgspec.Raw()


class FlatHead(msgspec.Struct):
    """What a flat record may say beside its features: every other field is its owner's."""

    model: Any = None
    context: msgspec.Raw = msgspec.Raw()


_json = msgspec.json.Decoder(JsonHead)
_flat = msgspec.json.Decoder(FlatHead)
_shape = msgspec.json.Decoder(dict[str, msgspec.Raw])


def json_fields(value: bytes) -> dict[str, msgspec.Raw]:
    """Return the fields of a JSON object, each as it stands. Raises MsgspecError or RecursionError."""
    return _shape.decode(value)


def split_records(batch: bytes) -> Sequence[bytes]:
    """Return the serialised Ingress of each record, for splicing."""
    return serving_pb2.RawBatch.FromString(batch).records


def read_heads(batch: bytes) -> list[Head]:
    """Return the head of each record of an IngressBatch, in order. Never raises for what a user sent."""
    try:
        records = serving_pb2.HeadBatch.FromString(batch).records
    except DecodeError:
        records = None
    if records is None or not all(
        record.format == PROTOBUF and record.HasField("value") for record in records
    ):
        return [_read_one(record) for record in ingress_pb2.IngressBatch.FromString(batch).records]
    return [_protobuf_head(record, record.value) for record in records]


def _read_one(record: ingress_pb2.Ingress) -> Head:
    if record.null_value or not record.value:
        what = "null" if record.null_value else "empty"
        return _faulty(record, f"the record's value is {what}")
    if record.format == JSON:
        return _json_head(record)
    if record.format != PROTOBUF:
        return _faulty(record, f"topic {record.topic} has no declared format")
    try:
        return _protobuf_head(record, inference_pb2.RequestHead.FromString(record.value))
    except DecodeError:
        return _faulty(record, "the value is not an InferenceRequest in protobuf")


def _protobuf_head(
    record: serving_pb2.HeadIngress | ingress_pb2.Ingress, head: inference_pb2.RequestHead
) -> Head:
    request_id = head.id or stable_id(record)
    timestamp = record.timestamp_ms
    return Head(
        request_id,
        record.model or head.model,
        head.version,
        head.label,
        head.unit,
        deadline_of(timestamp, head.timeout_ms),
        head.reply_key or request_id,
        head.lane == _INTERACTIVE,
        timestamp,
        PROTOBUF,
        b"",
        None,
    )


def deadline_of(timestamp_ms: int, timeout_ms: int) -> int:
    """Return the absolute deadline, 0 for none; a producer may set both numbers as high as it likes."""
    return min(timestamp_ms + timeout_ms, _LATEST_MS) if timeout_ms > 0 else 0


def is_said(value: msgspec.Raw) -> bool:
    """Whether a body has this field and it is not null."""
    return bytes(value) not in (b"", b"null")


def holds_columns(value: msgspec.Raw) -> bool:
    """Whether a body's `columns` are columns: a list or an object. Any other value is a flat record's own."""
    return bytes(value).startswith((b"[", b"{"))


def holds_tensors(fields: Mapping[str, msgspec.Raw]) -> bool:
    """Whether the fields of a body are those of a request, not of a flat record."""
    absent = msgspec.Raw()
    return (
        is_said(fields.get("inputs", absent))
        or is_said(fields.get("instances", absent))
        or holds_columns(fields.get("columns", absent))
    )


def stable_id(record: serving_pb2.HeadIngress | ingress_pb2.Ingress) -> str:
    """Return the id of a request that brought none: where its record lies."""
    return f"{record.topic}-{record.partition}-{record.offset}"


def _faulty(record: ingress_pb2.Ingress, message: str) -> Head:
    request_id = stable_id(record)
    fault = Failure(INVALID_ARGUMENT, message)
    return Head(
        request_id,
        record.model,
        "",
        "",
        "",
        0,
        request_id,
        False,
        record.timestamp_ms,
        record.format,
        b"",
        fault,
    )


def _json_head(record: ingress_pb2.Ingress) -> Head:
    try:
        body = _json.decode(record.value)
        bytes(body.context).decode()  # what is echoed unread must at least be text
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        return _flat_head(record, error)
    if not (is_said(body.inputs) or is_said(body.instances) or holds_columns(body.columns)):
        return _flat_head(record, None)
    request_id = _text(body.id) or stable_id(record)
    return Head(
        request_id,
        record.model or body.model or "",
        _text(body.version) or _text(body.model_version),
        body.label or "",
        _text(body.unit),
        deadline_of(record.timestamp_ms, body.timeout_ms),
        body.reply_key or request_id,
        False,
        record.timestamp_ms,
        JSON,
        bytes(body.context),
        None,
    )


def _flat_head(record: ingress_pb2.Ingress, error: Exception | None) -> Head:
    """Return the head of a flat record: its `id` or `unit` are its own, so its headers speak for it."""
    try:
        fields = json_fields(record.value)
        body = _flat.decode(record.value)
        bytes(body.context).decode()
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as broken:
        return _faulty(record, f"the value is not a JSON object: {_sentence(broken)}")
    if error is not None and holds_tensors(fields):
        return _faulty(record, f"the value is not a request: {_sentence(error)}")
    said = {header.key: header.value.decode(errors="replace") for header in record.headers}
    request_id = said.get("id") or stable_id(record)
    model = body.model if isinstance(body.model, str) else ""
    return Head(
        request_id,
        record.model or model,
        said.get("version", ""),
        said.get("label", ""),
        said.get("unit", ""),
        0,
        said.get("reply-key") or request_id,
        False,
        record.timestamp_ms,
        JSON,
        bytes(body.context),
        None,
    )


def _text(value: str | int | None) -> str:
    return "" if value is None else str(value)


def _sentence(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__


def headless(record: ingress_pb2.Ingress) -> Head:
    """Return what is known of a record whose head cannot be read."""
    own = stable_id(record)
    return Head(own, "", "", "", "", 0, own, False, record.timestamp_ms, record.format, b"", None)
