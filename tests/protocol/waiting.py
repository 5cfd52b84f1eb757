"""A model of little room, and what its router says while requests wait in their topic."""

from __future__ import annotations

from typing import Any

from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.statefun.protocol import FED, READING, REPORT
from pointsman.testing.engine import Reply, batch, ingress
from tests.protocol.world import Router, request

LIMIT = 4
ONE = {
    "model": "digits",
    "versions": {"1": {"uri": "python:a:One", "concurrency": 1}},
    "route": {"split": {"1": 1}},
}


def records(*offsets: int, **fields: Any) -> list[ingress_pb2.Ingress]:
    """Return requests o0, o1, ... by their offsets."""
    return [ingress(request(f"o{n}", **fields), key=b"digits", offset=n) for n in offsets]


def reading(reply: Reply) -> serving_pb2.Reading:
    """Return what is asked to be read again; the delay is checked elsewhere."""
    (sent,) = [sent for sent in reply.sent if sent.typename == READING]
    return serving_pb2.Reading.FromString(sent.value)


def fed(
    asked_for: serving_pb2.Reading, *found: ingress_pb2.Ingress, upto: int | None = None
) -> tuple[str, bytes]:
    """Return the answer to a reading."""
    upto = asked_for.stretch.end if upto is None else upto
    return FED, serving_pb2.Fed(stretch=asked_for.stretch, next=upto, batch=batch(*found)).SerializeToString()


def report(router: Router, done: int) -> tuple[str, bytes]:
    """Return the report of the only shard."""
    generation = router.table.versions["1"].generation
    said = serving_pb2.BatchReport(
        version="1", generation=generation, done=done, done_bytes=1 << 40, messages=done
    )
    return REPORT, said.SerializeToString()


def span(router: Router) -> list[tuple[int, int]]:
    """Return where the stretches begin and end."""
    return [(stretch.start, stretch.end) for stretch in router.arms.backlog]
