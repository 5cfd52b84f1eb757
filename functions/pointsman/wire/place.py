"""Where records lie in their topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pointsman.pb.v1 import serving_pb2
from pointsman.wire.framing import framed

_VIA: Final = 11  # Ingress.via


class Route(NamedTuple):
    """The way by which records of one partition come to a router, in the order of their offsets.

    `via` is the router that passed them on; empty: the engine brought them.
    """

    topic: str
    partition: int
    via: str


def read_places(batch: bytes) -> Sequence[serving_pb2.Place]:
    """Return the place of each record of an IngressBatch, in order."""
    return serving_pb2.PlaceBatch.FromString(batch).records


def route_of(place: serving_pb2.Place | serving_pb2.Stretch) -> Route:
    """Return the way by which a record, or those of a stretch, came."""
    return Route(place.topic, place.partition, place.via)


def passed_on(record: bytes, router: str) -> bytes:
    """Return a serialised Ingress that says which router passed it on."""
    return record + framed(_VIA, router.encode())
