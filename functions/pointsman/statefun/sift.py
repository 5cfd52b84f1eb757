"""Which requests the router lets the window look at before it decides on them."""

from __future__ import annotations

import xxhash

from pointsman.core.ids import WINDOWS, WindowAddress
from pointsman.core.table import RouteTable
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.settings import Settings
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import REQUESTS
from pointsman.wire.head import Head, read_heads, split_records, stable_id
from pointsman.wire.replay import REPLAYED


def sift(model: str, table: RouteTable, settings: Settings, effects: Effects, batch: bytes) -> bytes:
    """Send what may be a repeat to the model's windows, and return the batch without it."""
    if not settings.deduplicate or not table.versions:
        return batch
    keeps_order = any(entry.spec.ordered for entry in table.versions.values())
    stay: list[bytes] = []
    asked: dict[int, list[bytes]] = {}
    for record, head in zip(split_records(batch), read_heads(batch), strict=True):
        if head.model in ("", model) and _may_repeat(record, head, settings):
            # Records of one unit take one way, or they could overtake each other.
            name = (keeps_order and head.unit) or head.id
            asked.setdefault(xxhash.xxh64_intdigest(name.encode()) % WINDOWS, []).append(record)
        else:
            stay.append(record)
    for bucket, records in asked.items():
        value = serving_pb2.RawBatch(records=records).SerializeToString()
        effects.send("pointsman", "window", str(WindowAddress(model, bucket)), REQUESTS, value)
    return serving_pb2.RawBatch(records=stay).SerializeToString() if asked else batch


def _may_repeat(record: bytes, head: Head, settings: Settings) -> bool:
    """Whether a record has an id of its own and lies in a topic that drops repeats."""
    if head.fault is not None:
        return False
    ingress = ingress_pb2.Ingress.FromString(record)
    return (
        ingress.topic in settings.deduplicate
        and head.id != stable_id(ingress)
        and not any(header.key == REPLAYED for header in ingress.headers)
    )
