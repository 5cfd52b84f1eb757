"""`tail`: records of a topic as they come, readable."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import msgspec
import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from pointsman import topics
from pointsman.cli import answer
from pointsman.cli.options import AsJson, Kafka, Name, kafka_of
from pointsman.cli.output import Output
from pointsman.client.prediction import prediction_from_pb
from pointsman.client.reader import Reader
from pointsman.pb.v1 import inference_pb2, routing_pb2
from pointsman.wire.head import stable_id

Line = tuple[dict[str, Any], str]


class Stream(StrEnum):
    """What can be followed."""

    RESPONSES = "responses"
    EVENTS = "events"
    DEAD_LETTERS = "dead-letters"
    ROUTES = "routes"


def tail(
    stream: Annotated[Stream, typer.Argument(help="Which topic.")],
    from_start: Annotated[bool, typer.Option("--from-start", help="Old records first.")] = False,
    count: Annotated[int, typer.Option("-n", min=0, help="Stop after so many; 0: go on.")] = 0,
    committed: Annotated[
        bool, typer.Option("--committed", help="Only what the engine cannot take back; later, and once.")
    ] = False,
    seconds: Annotated[float, typer.Option(help="Stop after so many seconds; 0: go on.")] = 0.0,
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Print the records of a topic as they come."""
    out = Output(as_json)
    topic, read = _STREAMS[stream]
    with Reader(kafka_of(kafka, name), topic, committed=committed) as reader:
        follow = {"timeout": seconds} if seconds else {}
        with closing(reader.follow(from_start, **follow)) as messages:
            for message in islice(messages, count or None):
                record, text = _read(read, message.value() or b"")
                at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC).astimezone()
                out.record(record, f"{at.time().isoformat('milliseconds')} {text}"[:400])


def _read(read: Callable[[bytes], Line], value: bytes) -> Line:
    """Return a record's forms; one in no form of ours is shown as it is."""
    try:
        return read(value)
    except (DecodeError, msgspec.DecodeError, ValueError):
        text = value.decode(errors="replace")
        return {"value": text}, text


def _response(value: bytes) -> Line:
    if value[:1] == b"{":  # no message of ours begins so: it would be a group, field 15
        return msgspec.json.decode(value), value.decode(errors="replace")
    prediction = prediction_from_pb(inference_pb2.InferenceResponse.FromString(value))
    head = f"{prediction.id} {prediction.model} {prediction.version or '-'}"
    if prediction.failure is not None:
        text = f"{head} {prediction.failure.code}: {prediction.failure.message}"
    else:
        text = f"{head} " + "; ".join(f"{n}[{r}] {best} {v}" for n, r, best, v in answer.rows(prediction))
    return answer.as_record(prediction), text


def _event(value: bytes) -> Line:
    event: dict[str, Any] = msgspec.json.decode(value)
    match event:
        case {"type": "version", "model": model, "version": version, "state": state}:
            text = f"{model} version {version}: {state} {event.get('reason', '')}"
        case {"type": "repeats", "model": model, "dropped": dropped, "id": first}:
            text = f"{model}: {dropped} repeated requests dropped, the first {first}"
        case {"type": "ack", "ok": True, "model": model}:
            text = f"{model}: {event.get('kind', 'command')} done, epoch {event.get('epoch')}"
        case {"type": "ack", "model": model, "error": {"code": code, "message": message}}:
            text = f"{model}: {event.get('kind', 'command')} refused, {code}: {message}"
        case _:
            text = value.decode(errors="replace")
    return event, text.rstrip()


def _dead_letter(value: bytes) -> Line:
    letter = inference_pb2.DeadLetter.FromString(value)
    text = f"{letter.id} {letter.model or '-'} "
    if letter.mark:
        text += inference_pb2.DeadLetter.Mark.Name(letter.mark).lower()
    else:
        text += f"{letter.error.code}: {letter.error.message} (from {stable_id(letter.ingress)})"
    return MessageToDict(letter, preserving_proto_field_name=True), text


def _routes(value: bytes) -> Line:
    if not value:
        return {}, "removed"
    table = routing_pb2.RouteTable.FromString(value)
    states = ", ".join(
        f"{entry.version} {routing_pb2.VersionState.Name(entry.state)}" for entry in table.versions
    )
    text = f"{table.model} epoch {table.epoch}: {states or 'no versions'}"
    return MessageToDict(table, preserving_proto_field_name=True), text


_STREAMS: dict[Stream, tuple[str, Callable[[bytes], Line]]] = {
    Stream.RESPONSES: (topics.RESPONSES, _response),
    Stream.EVENTS: (topics.EVENTS, _event),
    Stream.DEAD_LETTERS: (topics.DEAD_LETTERS, _dead_letter),
    Stream.ROUTES: (topics.ROUTES, _routes),
}
