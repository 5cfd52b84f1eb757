"""A whole job without an engine: addresses, queues, delayed messages and a clock that stands still.

It keeps the promises that StateFun makes: one call in flight per address, which takes all that is queued;
messages between two addresses in order; delayed messages when their time has come.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message

from pointsman.pb.v1 import ingress_pb2
from pointsman.statefun.protocol import CONTROL, INTERACTIVE, REQUESTS, STATUS
from pointsman.statefun.server import FunctionServer
from pointsman.stores.records import Found, Pick, Stretch
from pointsman.testing.engine import Address, Record, batch
from pointsman.topics import CONTROL as CONTROL_TOPIC
from pointsman.topics import INTERACTIVE as INTERACTIVE_TOPIC
from pointsman.topics import STATUS as STATUS_TOPIC
from pointsman.wire.record import address_of

_TYPES = {CONTROL_TOPIC: CONTROL, STATUS_TOPIC: STATUS, INTERACTIVE_TOPIC: INTERACTIVE}


class Job:
    """Functions of a server behind one job. Its clock moves only by `advance`."""

    def __init__(self, server: FunctionServer, now_ms: int = 1_000_000) -> None:
        self.now_ms = now_ms
        self.records: list[Record] = []
        self._server = server
        self._addresses: dict[str, Address] = {}
        self._inbox: dict[str, deque[tuple[str, bytes]]] = {}
        self._delayed: list[tuple[int, int, str, str, bytes]] = []
        self._count = 0
        self._log: dict[tuple[str, int], list[Message]] = {}

    def clock(self) -> int:
        """Return the time: give this to the functions."""
        return self.now_ms

    def address(self, target: str) -> Address:
        """Return the address `namespace/type/id` with its state."""
        if target not in self._addresses:
            namespace, function, identity = target.split("/", 2)
            self._addresses[target] = Address(self._server, namespace, function, identity)
        return self._addresses[target]

    def ingest(self, *records: ingress_pb2.Ingress) -> None:
        """Queue records as the ingress adapter does, and keep them as their topics do.

        A record's `model` stands for its header of that name.
        """
        runs: dict[tuple[str, str], list[ingress_pb2.Ingress]] = {}
        for record in records:
            self._log.setdefault((record.topic, record.partition), []).append(_message(record))
            runs.setdefault((address_of(record), _TYPES.get(record.topic, REQUESTS)), []).append(record)
        for (model, typename), run in runs.items():
            self.send(f"pointsman/router/{model}", typename, batch(*run))

    def cursor(self, topic: str, partition: int, pick: Pick) -> LogCursor:
        """Return what reads a partition again: give this to the backlog function."""
        return LogCursor(self._log[topic, partition], pick)

    def send(self, target: str, typename: str, value: bytes) -> None:
        """Queue a message."""
        self._inbox.setdefault(target, deque()).append((typename, value))

    def settle(self) -> list[Record]:
        """Call until nothing is queued; return the records written meanwhile."""
        start = len(self.records)
        while self._inbox:
            target = next(iter(self._inbox))
            reply = self.address(target).call(*self._inbox.pop(target))
            for sent in reply.sent:
                if sent.delay_ms:
                    self._count += 1
                    due = self.now_ms + sent.delay_ms
                    heapq.heappush(self._delayed, (due, self._count, sent.target, sent.typename, sent.value))
                else:
                    self.send(sent.target, sent.typename, sent.value)
            self.records.extend(reply.records)
        return self.records[start:]

    def advance(self, milliseconds: int) -> list[Record]:
        """Let time pass, with each delayed message at its moment; return the records written meanwhile."""
        start, end = len(self.records), self.now_ms + milliseconds
        self.settle()
        while self._delayed and self._delayed[0][0] <= end:
            due, _, target, typename, value = heapq.heappop(self._delayed)
            self.now_ms = due
            self.send(target, typename, value)
            self.settle()
        self.now_ms = end
        return self.records[start:]


class LogCursor:
    """Reads a partition of a job's log."""

    def __init__(self, log: Sequence[Message], pick: Pick) -> None:
        self._log = log
        self._pick = pick

    def read(self, start: int, end: int, records: int, size: int, _seconds: float) -> Stretch:
        """Do as a cursor on a real topic does."""
        found: list[Found] = []
        total = 0
        for message in self._log:
            offset = message.offset() or 0
            value = self._pick(message) if start <= offset < end else None
            if value is not None:
                total += len(value)
                if len(found) >= records or (found and total > size):
                    return Stretch(found, offset, 0)
                found.append(Found(offset, value))
        return Stretch(found, end, 0)

    def close(self) -> None:
        """Nothing is open."""


def _message(record: ingress_pb2.Ingress) -> Message:
    headers: list[tuple[str, bytes | None]] = [(header.key, header.value) for header in record.headers]
    if record.model != record.declared_model:
        headers.append(("model", record.model.encode()))
    moment = record.timestamp_ms
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=(TIMESTAMP_CREATE_TIME if moment >= 0 else TIMESTAMP_NOT_AVAILABLE, moment),
        headers=headers,
        key=record.key or None,
        value=None if record.null_value else record.value,
    )
