"""The route tables of all models, as the routes topic has them."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from confluent_kafka import Message
from google.protobuf.message import DecodeError

from pointsman import topics
from pointsman.client.reader import Reader
from pointsman.core.table import RouteTable
from pointsman.wire.state import table_from_bytes


class Snapshot(NamedTuple):
    """The last table of a model, and its offset. All tables of a model are in one partition."""

    table: RouteTable
    offset: int


def read_snapshots(kafka: str) -> dict[str, Snapshot]:
    """Return model -> its last table as of now. Raises ClientError where Kafka does not answer."""
    snapshots: dict[str, Snapshot] = {}
    with Reader(kafka, topics.ROUTES) as reader:
        for message in reader.to_end():
            model, table = _entry(message)
            if table is not None:
                snapshots[model] = Snapshot(table, message.offset() or 0)
            else:
                snapshots.pop(model, None)
    return snapshots


def read_catalogue(kafka: str) -> dict[str, RouteTable]:
    """Return model -> table as of now. Raises ClientError where Kafka does not answer."""
    return {model: snapshot.table for model, snapshot in read_snapshots(kafka).items()}


def watch_model(kafka: str, model: str, timeout: float) -> Generator[RouteTable, None, None]:
    """Yield the model's tables, old ones first, then each new one, for `timeout` seconds."""
    with Reader(kafka, topics.ROUTES) as reader:
        for name, table in map(_entry, reader.follow(from_start=True, timeout=timeout)):
            if name == model and table is not None:
                yield table


def _entry(message: Message) -> tuple[str, RouteTable | None]:
    """Return the model and its table: None where the model has gone or the record is not the router's."""
    model = (message.key() or b"").decode(errors="replace")
    try:
        return model, table_from_bytes(message.value()) if message.value() else None
    except DecodeError:
        return model, None
