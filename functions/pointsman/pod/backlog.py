"""Records of the routes topic, reduced to each model's newest table."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from confluent_kafka import KafkaError
from google.protobuf.message import DecodeError

from pointsman.core.table import RouteTable
from pointsman.errors import NewerRelease
from pointsman.wire.state import table_from_bytes

log = logging.getLogger(__name__)


class Record(Protocol):
    """What is read of a Kafka message."""

    def error(self) -> KafkaError | None:
        """Return the event that this is instead of a record."""

    def partition(self) -> int:
        """Return its partition."""

    def key(self) -> bytes | None:
        """Return the model's name."""

    def value(self) -> bytes | None:
        """Return the table; None: the model is gone."""


class Backlog:
    """Holds tables back until the end of every partition was reached once.

    So a pod that starts does not load what was retired long ago.
    """

    def __init__(self, partitions: Iterable[int]) -> None:
        self._unread = set(partitions)
        self._newest: dict[str, RouteTable | None] = {}

    @property
    def is_read(self) -> bool:
        """Whether every partition's end was reached."""
        return not self._unread

    def take(self, records: Iterable[Record]) -> dict[str, RouteTable | None]:
        """Return the newest table of each model that has one to be told of. None: the model is gone."""
        for record in records:
            self._read(record)
        if self._unread:
            return {}
        newest, self._newest = self._newest, {}
        return newest

    def _read(self, record: Record) -> None:
        error = record.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._unread.discard(record.partition())
            else:
                log.warning("routes: %s", error)
            return
        model = (record.key() or b"").decode(errors="replace")
        value = record.value()
        try:
            self._newest[model] = table_from_bytes(value) if value is not None else None
        except (DecodeError, ValueError, NewerRelease) as fault:
            log.error("routes: the table of %s is unreadable: %s", model, fault)
