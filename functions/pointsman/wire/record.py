"""Kafka records to what the engine's ingress adapter would have made of them.

The rules are those of `IngressEncoder.java`; the tests hold the two side by side.
"""

from __future__ import annotations

from typing import Final

from confluent_kafka import Message

from pointsman.core.ids import NOBODY, is_name
from pointsman.pb.v1 import ingress_pb2

_MODEL_HEADER: Final = "model"


def ingress_of(record: Message, fmt: ingress_pb2.Format, declared_model: str) -> ingress_pb2.Ingress:
    """Return the record as an Ingress, given what its topic declares."""
    kind, moment = record.timestamp()
    ingress = ingress_pb2.Ingress(
        topic=record.topic(),
        partition=record.partition(),
        offset=record.offset(),
        timestamp_ms=moment if kind else -1,
        key=record.key() or b"",
        value=record.value() or b"",
        format=fmt,
        null_value=record.value() is None,
        model=declared_model,
        declared_model=declared_model,
    )
    for key, value in record.headers() or ():
        ingress.headers.add(key=key, value=value or b"")
    named = [header.value for header in ingress.headers if header.key == _MODEL_HEADER]
    if named and named[-1]:
        ingress.model = named[-1].decode(errors="replace")
    return ingress


def address_of(ingress: ingress_pb2.Ingress) -> str:
    """Return the router that the engine gives the record to."""
    if is_name(ingress.model):
        return ingress.model
    if ingress.declared_model:
        return ingress.declared_model
    key = ingress.key.decode("latin-1")  # one character for each byte: no invalid key becomes a name
    return key if is_name(key) else NOBODY
