"""A reply written by hand is the message that the SDK's classes would make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statefun.kafka_egress_pb2 import KafkaProducerRecord
from statefun.request_reply_pb2 import FromFunction

from pointsman.outputs import ONCE, OUT
from pointsman.statefun.effects import Effects, fits
from pointsman.topics import MAX_OUTPUT_BYTES

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
records = st.lists(st.tuples(names, names, st.binary(max_size=300), st.sampled_from([OUT, ONCE])), max_size=6)


@given(records)
def test_records_are_framed_as_the_sdk_frames_them(some: list[tuple[str, str, bytes, str]]) -> None:
    effects, expected = Effects(), FromFunction()
    expected.invocation_result.SetInParent()
    for topic, key, value, egress in some:
        effects.egress(topic, key, value, egress)
        message = expected.invocation_result.outgoing_egresses.add()
        message.egress_namespace, message.egress_type = "pointsman", egress
        message.argument.typename = "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord"
        message.argument.has_value = True
        message.argument.value = KafkaProducerRecord(
            topic=topic, key=key, value_bytes=value
        ).SerializeToString()
    found = FromFunction.FromString(effects.to_bytes())
    assert _without_record_order(found) == _without_record_order(expected)


def _without_record_order(reply: FromFunction) -> list[tuple[str, str, str, bool, KafkaProducerRecord]]:
    """Return the records parsed: the order of fields within one is free."""
    return [
        (
            message.egress_namespace,
            message.egress_type,
            message.argument.typename,
            message.argument.has_value,
            KafkaProducerRecord.FromString(message.argument.value),
        )
        for message in reply.invocation_result.outgoing_egresses
    ]


def test_a_call_that_does_nothing_is_an_empty_result() -> None:
    reply = FromFunction.FromString(Effects().to_bytes())
    assert reply.HasField("invocation_result")
    assert reply.invocation_result.ByteSize() == 0


def test_messages_delays_and_state_are_the_sdks() -> None:
    effects = Effects()
    effects.send("models", "default", "m~1~0", "t/T", b"now")
    effects.send_after(250, "pointsman", "router", "m", "t/T", b"later")
    effects.set_state("table", "t/S", b"state")
    result = FromFunction.FromString(effects.to_bytes()).invocation_result
    (message,) = result.outgoing_messages
    assert (message.target.namespace, message.target.type, message.target.id) == (
        "models",
        "default",
        "m~1~0",
    )
    assert (message.argument.typename, message.argument.has_value, message.argument.value) == (
        "t/T",
        True,
        b"now",
    )
    (delayed,) = result.delayed_invocations
    assert (delayed.delay_in_ms, delayed.target.id, delayed.argument.value) == (250, "m", b"later")
    assert (delayed.cancellation_token, delayed.is_cancellation_request) == ("", False)
    (mutation,) = result.state_mutations
    assert mutation.mutation_type == FromFunction.PersistedValueMutation.MODIFY
    assert (mutation.state_name, mutation.state_value.typename) == ("table", "t/S")
    assert (mutation.state_value.has_value, mutation.state_value.value) == (True, b"state")


@pytest.mark.parametrize("more", [0, 1])
def test_a_call_is_spent_one_byte_past_half_its_budget(more: int) -> None:
    effects = Effects(budget=200)
    effects.send("n", "f", "a", "t/T", bytes(100 + more))
    assert effects.is_spent == bool(more)


def test_messages_delays_and_records_all_count() -> None:
    effects = Effects(budget=100_000)
    effects.send("n", "f", "a", "t/T", bytes(100))
    effects.send_after(1, "n", "f", "a", "t/T", bytes(100))
    effects.egress("topic", "key", bytes(100))
    assert 300 <= effects.size <= len(effects.to_bytes())


@pytest.mark.parametrize("more", [0, 1])
def test_a_record_fits_up_to_its_topics_limit(more: int) -> None:
    assert fits("key", bytes(MAX_OUTPUT_BYTES - 1_024 - 3 + more)) != bool(more)
