"""Writes a golden file for every guarded message that has fields which no golden file holds yet.

`python -m tests.golden.make_golden`. It never overwrites one: what an older release wrote must be read for
ever, so a new field gets a new file beside the old ones, `<Message>-<number>.bin` with its `.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from pointsman.pb.v1 import inference_pb2, ingress_pb2, routing_pb2, serving_pb2
from pointsman.wire.state import SCHEMA

FOLDER = Path(__file__).parent
GUARDED: tuple[type[Message], ...] = (
    ingress_pb2.IngressBatch,
    inference_pb2.InferenceRequest,
    inference_pb2.InferenceResponse,
    inference_pb2.DeadLetter,
    routing_pb2.RouteTable,
    routing_pb2.ControlCommand,
    serving_pb2.Arms,
    serving_pb2.BatchReport,
    serving_pb2.Diverted,
    serving_pb2.Handle,
    serving_pb2.Parked,
    serving_pb2.Pods,
    serving_pb2.PodStatus,
    serving_pb2.Seen,
    serving_pb2.TaskBatch,
    serving_pb2.Tick,
)


def files(kind: type[Message]) -> list[Path]:
    """Return the golden files of a message, the oldest first."""
    return sorted(FOLDER.glob(f"{kind.DESCRIPTOR.name}-*.bin"))


def values(message: Message) -> Any:
    """Return a message as JSON, by field names, with numbers of 64 bits as strings."""
    return MessageToDict(message, preserving_proto_field_name=True)


def fields(kind: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every field a message can hold."""
    for field in kind.fields:
        here = f"{path}.{field.name}={field.number}"
        yield here
        if field.message_type is not None:
            yield from fields(field.message_type, here)


def held(message: Message, path: str = "") -> Iterator[str]:
    """Yield the path of every field that a message holds."""
    for field, value in message.ListFields():
        here = f"{path}.{field.name}={field.number}"
        yield here
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from (f"{here}.{part}" for part in ("key=1", "value=2"))
            if isinstance(next(iter(value.values())), Message):
                yield from held(next(iter(value.values())), f"{here}.value=2")
        elif field.message_type is not None:
            for one in value if isinstance(value, list) or hasattr(value, "add") else [value]:
                yield from held(one, here)


def filled(kind: type[Message], oneof: str = "") -> Message:
    """Return a message with a telling value in each field; of a oneof, the field named."""
    message = kind()
    _fill(message, oneof)
    return message


def _fill(message: Any, oneof: str) -> None:
    for field in message.DESCRIPTOR.fields:
        group = field.containing_oneof
        if (
            group is not None
            and not group.name.startswith("_")
            and field.name != (oneof or group.fields[0].name)
        ):
            continue
        target = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            inner = field.message_type.fields_by_name["value"]
            if inner.message_type is None:
                target[f"{field.name} key"] = _scalar(inner)
            else:
                _fill(target[f"{field.name} key"], "")
        elif field.message_type is not None:
            one = target.add() if field.is_repeated else target
            one.SetInParent()
            _fill(one, "")
        elif field.is_repeated:
            target.extend([_scalar(field), _scalar(field)])
        elif field.name == "schema":
            message.schema = SCHEMA  # what a newer release writes is no golden file of this one
        else:
            setattr(message, field.name, _scalar(field))


# Bytes that are messages themselves.
_NESTED: dict[str, type[Message]] = {
    "pointsman.v1.Task.ingress": ingress_pb2.Ingress,
    "pointsman.v1.Parked.batch": ingress_pb2.IngressBatch,
    "pointsman.v1.Diverted.batch": ingress_pb2.IngressBatch,
}


def _scalar(field: Any) -> Any:
    if field.full_name in _NESTED:
        return filled(_NESTED[field.full_name]).SerializeToString(deterministic=True)
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_BOOL:
            return True
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return f"{field.name} é".encode()
        case FieldDescriptor.CPPTYPE_STRING:
            return f"{field.name} é"
    return field.number * 1_000 + 7


def main() -> None:
    """Write what is missing."""
    for kind in GUARDED:
        known = {path for file in files(kind) for path in held(kind.FromString(file.read_bytes()))}
        choices = [
            field.name for group in kind.DESCRIPTOR.oneofs for field in group.fields if len(group.fields) > 1
        ]
        for oneof in choices or [""]:
            message = filled(kind, oneof)
            if set(held(message)) <= known:
                continue
            known |= set(held(message))
            file = FOLDER / f"{kind.DESCRIPTOR.name}-{len(files(kind)) + 1:02}.bin"
            file.write_bytes(message.SerializeToString(deterministic=True))
            text = json.dumps(values(message), indent=1, ensure_ascii=False, sort_keys=True)
            file.with_suffix(".json").write_text(text + "\n")


if __name__ == "__main__":
    main()
