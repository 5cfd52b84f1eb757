"""A stand-in for the engine in front of one function: builds calls, keeps state, reads replies.

It does what StateFun does with a reply (state, messages, delayed messages, egress) and nothing more, so a
function can be driven by bytes without a JVM.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

from statefun.kafka_egress_pb2 import KafkaProducerRecord
from statefun.request_reply_pb2 import FromFunction, ToFunction

from pointsman.pb.v1 import ingress_pb2
from pointsman.statefun.server import FunctionServer


class Sent(NamedTuple):
    """A message to a function; `delay_ms` is 0 for one that goes at once."""

    target: str  # namespace/type/id
    typename: str
    value: bytes
    delay_ms: int


class Record(NamedTuple):
    """A Kafka record that a function wrote, and the egress it was given to."""

    topic: str
    key: str
    value: bytes
    egress: str


class Reply(NamedTuple):
    """What one call did."""

    sent: list[Sent]
    records: list[Record]

    def to(self, topic: str) -> list[Record]:
        """Return the records of a topic."""
        return [record for record in self.records if record.topic == topic]


class Address:
    """One function address with its state."""

    def __init__(self, server: FunctionServer, namespace: str, function: str, address: str) -> None:
        self._server = server
        self._target = (namespace, function, address)
        self.state: dict[str, tuple[str, bytes | None]] = {}

    def call(self, *messages: tuple[str, bytes]) -> Reply:
        """Send messages given as (type name, bytes) in one call; ask again with the state it wants."""
        return asyncio.run(self.call_async(*messages))

    async def call_async(self, *messages: tuple[str, bytes]) -> Reply:
        """Do the same inside an event loop."""
        reply = FromFunction.FromString(await self._server.reply(self.body(messages)))
        if reply.HasField("incomplete_invocation_context"):
            for missing in reply.incomplete_invocation_context.missing_values:
                self.state[missing.state_name] = (missing.type_typename, None)
            reply = FromFunction.FromString(await self._server.reply(self.body(messages)))
        return self._applied(reply)

    def body(self, messages: Iterable[tuple[str, bytes]]) -> bytes:
        """Return the serialised ToFunction."""
        request = ToFunction()
        batch = request.invocation
        batch.target.namespace, batch.target.type, batch.target.id = self._target
        for name, (typename, value) in self.state.items():
            entry = batch.state.add(state_name=name)
            entry.state_value.typename = typename
            if value is not None:
                entry.state_value.has_value, entry.state_value.value = True, value
        for typename, value in messages:
            argument = batch.invocations.add().argument
            argument.typename, argument.has_value, argument.value = typename, True, value
        body: bytes = request.SerializeToString()
        return body

    def _applied(self, reply: FromFunction) -> Reply:
        result = reply.invocation_result
        for mutation in result.state_mutations:
            typename = self.state[mutation.state_name][0]
            assert mutation.state_value.typename == typename, "a state value may never change its type"
            self.state[mutation.state_name] = (typename, mutation.state_value.value)
        sent = [
            Sent(_name(message.target), message.argument.typename, message.argument.value, 0)
            for message in result.outgoing_messages
        ]
        sent += [
            Sent(
                _name(message.target), message.argument.typename, message.argument.value, message.delay_in_ms
            )
            for message in result.delayed_invocations
        ]
        return Reply(
            sent, [_record(egress.egress_type, egress.argument.value) for egress in result.outgoing_egresses]
        )


def ingress(value: bytes | None, **fields: Any) -> ingress_pb2.Ingress:
    """Return a record as the ingress adapter would wrap it; by default of the protobuf request topic."""
    defaults: dict[str, Any] = {
        "topic": "pointsman.requests",
        "partition": 0,
        "offset": 0,
        "timestamp_ms": 1_000_000,
        "format": ingress_pb2.FORMAT_PROTOBUF,
        "null_value": value is None,
    }
    return ingress_pb2.Ingress(**{**defaults, "value": value or b"", **fields})


def batch(*records: ingress_pb2.Ingress) -> bytes:
    """Return a run of records as the adapter would pass it on."""
    return ingress_pb2.IngressBatch(records=records).SerializeToString()


def _name(target: object) -> str:
    return f"{target.namespace}/{target.type}/{target.id}"  # type: ignore[attr-defined]


def _record(egress: str, value: bytes) -> Record:
    record = KafkaProducerRecord.FromString(value)
    return Record(record.topic, record.key, record.value_bytes, egress)
