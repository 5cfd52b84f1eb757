"""The route tables of all models, as the routes topic has them."""

from __future__ import annotations

from collections.abc import Generator

from confluent_kafka import Message
from google.protobuf.message import DecodeError

from pointsman import topics
from pointsman.client.reader import Reader
from pointsman.core.table import RouteTable
from pointsman.wire.state import table_from_bytes


def read_catalogue(kafka: str) -> dict[str, RouteTable]:
    """Return model -> table as of now. Raises ClientError where Kafka does not answer."""
    tables: dict[str, RouteTable] = {}
    with Reader(kafka, topics.ROUTES) as reader:
        for model, table in map(_entry, reader.to_end()):
            if table is not None:
                tables[model] = table
            else:
                tables.pop(model, None)
    return tables


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
