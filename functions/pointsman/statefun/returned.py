"""Messages that bring requests back to the router, and those messages taken apart, record by record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointsman.core.batching import cut
from pointsman.errors import Failure
from pointsman.pb.v1 import serving_pb2
from pointsman.wire.head import split_records
from pointsman.wire.response import error_to_pb
from pointsman.wire.task import MAX_BATCH_BYTES


def parked_of(records: Sequence[bytes], attempt: int) -> serving_pb2.Parked:
    """Return the message that brings records back after a while."""
    return serving_pb2.Parked(
        batch=serving_pb2.RawBatch(records=records).SerializeToString(),
        attempt=attempt,
        bytes=sum(map(len, records)),
        count=len(records),
    )


def parked_apart(value: bytes) -> list[bytes]:
    """Return a message for each record of a Parked."""
    parked = serving_pb2.Parked.FromString(value)
    return [parked_of([record], parked.attempt).SerializeToString() for record in split_records(parked.batch)]


def diverted_of(records: Sequence[bytes], version: str, epoch: int, failure: Failure) -> Iterator[bytes]:
    """Yield the messages by which a version hands records to its fallback, with why it does.

    `epoch` is the one that had sent them to the version.
    """
    error = error_to_pb(failure)
    for part in cut(list(map(len, records)), MAX_BATCH_BYTES):
        batch = serving_pb2.RawBatch(records=records[part]).SerializeToString()
        yield serving_pb2.Diverted(batch=batch, version=version, error=error, epoch=epoch).SerializeToString()


def diverted_apart(value: bytes) -> list[bytes]:
    """Return a message for each record of a Diverted."""
    whole = serving_pb2.Diverted.FromString(value)
    batches = [
        serving_pb2.RawBatch(records=[record]).SerializeToString() for record in split_records(whole.batch)
    ]
    return [
        serving_pb2.Diverted(
            batch=batch, version=whole.version, error=whole.error, epoch=whole.epoch
        ).SerializeToString()
        for batch in batches
    ]
