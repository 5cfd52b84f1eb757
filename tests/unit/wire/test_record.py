"""Records read again are wrapped as the engine wraps them."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message

from pointsman.core.ids import NOBODY
from pointsman.pb.v1.ingress_pb2 import FORMAT_JSON, Header, Ingress
from pointsman.wire.record import address_of, ingress_of


def message(**fields: Any) -> Message:
    """Return a record as Kafka's client gives it."""
    place = {"topic": "t", "partition": 3, "offset": 7, "timestamp": (TIMESTAMP_CREATE_TIME, 9)}
    return Message(**{**place, "key": b"digits", "value": b"v", **fields})


def test_a_record_keeps_all_that_it_has() -> None:
    found = ingress_of(message(headers=[("a", b"b"), ("none", None)]), FORMAT_JSON, "")
    assert found == Ingress(
        topic="t",
        partition=3,
        offset=7,
        timestamp_ms=9,
        headers=[Header(key="a", value=b"b"), Header(key="none")],
        key=b"digits",
        value=b"v",
        format=FORMAT_JSON,
    )


def test_a_tombstone_is_told_from_an_empty_value() -> None:
    assert ingress_of(message(value=None), FORMAT_JSON, "").null_value
    assert not ingress_of(message(value=b""), FORMAT_JSON, "").null_value


def test_a_record_without_timestamp_has_none() -> None:
    assert ingress_of(message(timestamp=(TIMESTAMP_NOT_AVAILABLE, 0)), FORMAT_JSON, "").timestamp_ms == -1


@pytest.mark.parametrize(
    ("header", "declared", "key", "model", "address"),
    [
        (None, "", b"digits", "", "digits"),
        (None, "", b"Not a name", "", NOBODY),
        (None, "", b"\xffdigits", "", NOBODY),
        (None, "", None, "", NOBODY),
        (None, "own", b"digits", "own", "own"),
        (b"wine", "own", b"digits", "wine", "wine"),
        (b"wine", "", None, "wine", "wine"),
        (b"", "own", b"digits", "own", "own"),
        (b"a/b", "", b"digits", "a/b", "digits"),
        (b"a/b", "own", b"digits", "a/b", "own"),
        (b"\xff", "", b"digits", "\ufffd", "digits"),
    ],
)
def test_a_record_belongs_to_whom_the_engine_gives_it(
    header: bytes | None, declared: str, key: bytes | None, model: str, address: str
) -> None:
    headers = [("model", b"first"), ("model", header)] if header is not None else []
    found = ingress_of(message(headers=headers, key=key), FORMAT_JSON, declared)
    assert (found.model, found.declared_model, address_of(found)) == (model, declared, address)
