"""The batch functions do what the official SDK does with equivalent plain functions, message by message."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from statefun import (
    Context,
    Message,
    RequestReplyHandler,
    StatefulFunctions,
    ValueSpec,
    kafka_egress_message,
    message_builder,
    simple_type,
)
from statefun.kafka_egress_pb2 import KafkaProducerRecord
from statefun.request_reply_pb2 import FromFunction, TypedValue

from pointsman.pb.v1 import serving_pb2
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import REPORT, TICK, Call
from pointsman.statefun.server import FunctionServer
from pointsman.testing.engine import Address

TICKS = simple_type(TICK, serving_pb2.Tick.SerializeToString, serving_pb2.Tick.FromString)
TOTALS = simple_type(REPORT, serving_pb2.BatchReport.SerializeToString, serving_pb2.BatchReport.FromString)


class Counter:
    """A batch function: adds up ticks, tells a neighbour, a topic and its future self."""

    states = {"totals": REPORT}  # noqa: RUF012
    messages = frozenset({TICK})

    async def __call__(self, call: Call) -> bytes:
        """Handle all messages in one pass."""
        effects = Effects()
        totals = serving_pb2.BatchReport.FromString(call.state["totals"] or b"")
        for invocation in call.invocations:
            tick = serving_pb2.Tick.FromString(invocation.value)
            totals.done += tick.generation
            value = tick.SerializeToString()
            if tick.late:
                effects.send_after(tick.due_ms, call.namespace, call.type, call.id, TICK, value)
            else:
                effects.send("example", "neighbour", call.id, TICK, value)
            effects.egress("topic", call.id, value)
        effects.set_state("totals", REPORT, totals.SerializeToString())
        return effects.to_bytes()


def plain() -> RequestReplyHandler:
    """Return the same function on the SDK alone."""
    functions = StatefulFunctions()

    @functions.bind("example/counter", specs=[ValueSpec(name="totals", type=TOTALS)])
    async def count(context: Context, message: Message) -> None:
        tick = message.as_type(TICKS)
        totals = context.storage.totals or serving_pb2.BatchReport()
        totals.done += tick.generation
        context.storage.totals = totals
        target, identity = "example/neighbour", context.address.id
        if tick.late:
            again = message_builder("example/counter", identity, value=tick, value_type=TICKS)
            context.send_after(timedelta(milliseconds=tick.due_ms), again)
        else:
            context.send(message_builder(target, identity, value=tick, value_type=TICKS))
        record = kafka_egress_message(
            typename="pointsman/out", topic="topic", key=identity, value=tick.SerializeToString()
        )
        context.send_egress(record)

    return RequestReplyHandler(functions)


def normal(reply: FromFunction) -> FromFunction:
    """Return the reply with its Kafka records in the order of their fields."""
    for message in reply.invocation_result.outgoing_egresses:
        record = KafkaProducerRecord.FromString(message.argument.value)
        message.argument.CopyFrom(
            TypedValue(
                typename=message.argument.typename,
                has_value=message.argument.has_value,
                value=record.SerializeToString(deterministic=True),
            )
        )
    return reply


ticks = st.builds(
    serving_pb2.Tick, generation=st.integers(0, 2**40), due_ms=st.integers(1, 10_000), late=st.booleans()
)


@settings(max_examples=30)
@given(st.lists(ticks, min_size=1, max_size=6), st.none() | st.integers(0, 99))
def test_one_call_has_the_same_effects(some: list[serving_pb2.Tick], before: int | None) -> None:
    server = FunctionServer()
    server.bind("example", "counter", Counter())
    address = Address(server, "example", "counter", "ada")
    state = None if before is None else serving_pb2.BatchReport(done=before).SerializeToString()
    address.state = {"totals": (REPORT, state)}
    body = address.body([(TICK, tick.SerializeToString()) for tick in some])
    ours = FromFunction.FromString(asyncio.run(server.reply(body)))
    theirs = FromFunction.FromString(asyncio.run(plain().handle_async(body)))
    assert normal(ours) == normal(theirs)


def test_a_call_without_state_is_answered_alike() -> None:
    server = FunctionServer()
    server.bind("example", "counter", Counter())
    body = Address(server, "example", "counter", "ada").body([(TICK, b"")])
    ours = FromFunction.FromString(asyncio.run(server.reply(body)))
    theirs = FromFunction.FromString(asyncio.run(plain().handle_async(body)))
    assert _asked_for(ours) == _asked_for(theirs) == [("totals", REPORT, FromFunction.ExpirationSpec.NONE)]


def _asked_for(reply: FromFunction) -> list[tuple[str, str, int]]:
    return [
        (value.state_name, value.type_typename, value.expiration_spec.mode)
        for value in reply.incomplete_invocation_context.missing_values
    ]
