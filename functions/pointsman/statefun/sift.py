"""Which requests the router lets a window look at before it decides on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import xxhash

from pointsman.core.ids import WINDOWS, WindowAddress
from pointsman.core.table import RouteTable
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import REQUESTS
from pointsman.wire.head import Head, stable_id
from pointsman.wire.letter import ATTEMPT


class Window(NamedTuple):
    """One of the WINDOWS of a model, to be asked whether a request is a repeat."""

    number: int


def window_of(record: bytes, head: Head, table: RouteTable, topics: Collection[str]) -> Window | None:
    """Return the window of a request, or None where it is no repeat for sure.

    A repeat lies in one of `topics`, has an id of its own, and was not sent again on purpose.
    """
    ingress = ingress_pb2.Ingress.FromString(record)
    if ingress.topic not in topics or head.id == stable_id(ingress):
        return None
    if any(header.key == ATTEMPT for header in ingress.headers):
        return None
    # Records of one unit take one way where their order counts, or they could overtake each other.
    keeps_order = any(entry.spec.ordered for entry in table.versions.values())
    name = (keeps_order and head.unit) or head.id
    return Window(xxhash.xxh64_intdigest(name.encode()) % WINDOWS)


def ask_windows(model: str, effects: Effects, asked: Mapping[int, Sequence[bytes]]) -> None:
    """Send records to the windows of their model, which send on those that are no repeats."""
    for window, records in asked.items():
        value = serving_pb2.RawBatch(records=records).SerializeToString()
        effects.send("pointsman", "window", str(WindowAddress(model, window)), REQUESTS, value)
