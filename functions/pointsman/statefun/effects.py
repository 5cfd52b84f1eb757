"""What a call does: messages, delayed messages, egress records, state. The one place that counts reply bytes.

A batch has one reply, and a reply that is too large comes back for ever. So each record is checked against
the limit of its topic before it is added, and a call past half of its budget is told so (`is_spent`):
what is left of the batch then gets small answers only.
"""

from __future__ import annotations

from typing import Final

from statefun.request_reply_pb2 import FromFunction

from pointsman.errors import Failure
from pointsman.outputs import ONCE, OUT
from pointsman.pb.v1 import ingress_pb2
from pointsman.topics import DEAD_LETTERS, MAX_OUTPUT_BYTES
from pointsman.wire.framing import framed, tag, varint
from pointsman.wire.letter import references_of
from pointsman.wire.response import DEAD_LETTER_BYTES, Served, dead_letter

# The transport takes replies up to 1 GiB (payload_max_bytes in module.yaml).
REPLY_BUDGET: Final = 512 << 20
SMALL_LETTER_BYTES: Final = 1024

_EGRESS_TYPE: Final = b"type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord"
# FromFunction.invocation_result, InvocationResponse.outgoing_egresses
_RESULT, _EGRESSES = tag(100), tag(4)
# EgressMessage{egress_namespace, egress_type}, the same for every record, then the tag of its argument
_EGRESS_HEADS: Final = {
    name: framed(1, b"pointsman") + framed(2, name.encode()) + tag(3) for name in (OUT, ONCE)
}
# TypedValue{typename, has_value: true}, then the tag of its value
_VALUE_HEAD: Final = framed(1, _EGRESS_TYPE) + b"\x10\x01" + tag(3)
_VALUE_HEAD_SIZE: Final = len(_VALUE_HEAD)
_KEY, _VALUE = tag(1), tag(2)


class Effects:
    """The reply of one call, in the making."""

    def __init__(self, budget: int = REPLY_BUDGET) -> None:
        self._reply = FromFunction()
        self._result = self._reply.invocation_result
        self._result.SetInParent()
        self._records: list[bytes] = []
        self._topics: dict[str, bytes] = {}
        self._budget = budget
        self.size = 0
        self.kept: list[str] = []

    @property
    def is_spent(self) -> bool:
        """Whether the call has used half of its budget."""
        return self.size > self._budget // 2

    @property
    def letter_bytes(self) -> int:
        """How much of its value a dead letter may keep; little once the budget is spent."""
        return SMALL_LETTER_BYTES if self.is_spent else DEAD_LETTER_BYTES

    def send(self, namespace: str, function: str, address: str, typename: str, value: bytes) -> None:
        """Send a message to a function."""
        message = self._result.outgoing_messages.add()
        target, argument = message.target, message.argument
        target.namespace, target.type, target.id = namespace, function, address
        argument.typename, argument.has_value, argument.value = typename, True, value
        self.size += len(value)

    def send_after(
        self, delay_ms: int, namespace: str, function: str, address: str, typename: str, value: bytes
    ) -> None:
        """Send a message to a function after a delay; durable, and at once after a restore that was late."""
        message = self._result.delayed_invocations.add(delay_in_ms=delay_ms)
        target, argument = message.target, message.argument
        target.namespace, target.type, target.id = namespace, function, address
        argument.typename, argument.has_value, argument.value = typename, True, value
        self.size += len(value)

    def egress(self, topic: str, key: str, value: bytes, egress: str = OUT) -> None:
        """Write a Kafka record by one of the two egresses. Framed by hand: this runs once per response."""
        head = _EGRESS_HEADS.get(egress) or _EGRESS_HEADS[OUT]
        tail = self._topics.get(topic)
        if tail is None:
            tail = self._topics[topic] = framed(3, topic.encode())
        name = key.encode()
        name_size, value_size = varint(len(name)), varint(len(value))
        # The sizes of the three nested frames, innermost first; 2 is the tags of key and value.
        size = 2 + len(name_size) + len(name) + len(value_size) + len(value) + len(tail)
        record_size = varint(size)
        inner = _VALUE_HEAD_SIZE + len(record_size) + size
        argument_size = varint(inner)
        outer = varint(len(head) + len(argument_size) + inner)
        self._records += (
            _EGRESSES,
            outer,
            head,
            argument_size,
            _VALUE_HEAD,
            record_size,
            _KEY,
            name_size,
            name,
            _VALUE,
            value_size,
            value,
            tail,
        )
        self.size += size

    def letter(
        self,
        ingress: ingress_pb2.Ingress,
        served: Served,
        request_id: str,
        failure: Failure,
        at_ms: int,
        decision_id: str = "",
        egress: str = OUT,
    ) -> None:
        """Write the dead letter of a record, and note in `kept` what must live as long: its references.

        Of a record that is cut nothing is kept, for it cannot be sent again.
        """
        keep = self.letter_bytes
        letter = dead_letter(ingress, served, request_id, failure, at_ms, keep, decision_id)
        self.egress(DEAD_LETTERS, served.model, letter, egress)
        if len(ingress.value) <= keep:
            self.kept += references_of(ingress)

    def set_state(self, name: str, typename: str, value: bytes) -> None:
        """Change a state value."""
        mutation = self._result.state_mutations.add(state_name=name, mutation_type=1)
        mutation.state_value.typename, mutation.state_value.has_value = typename, True
        mutation.state_value.value = value

    def to_bytes(self) -> bytes:
        """Return the FromFunction message."""
        body = self._result.SerializeToString()
        size = len(body) + sum(map(len, self._records))
        return b"".join((_RESULT, varint(size), body, *self._records))


def fits(key: str, value: bytes) -> bool:
    """Whether a record is within the limit of the output topics, with room for Kafka's own bytes."""
    return len(key) + len(value) <= MAX_OUTPUT_BYTES - 1024
