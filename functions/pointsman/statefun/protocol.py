"""One call of the request-reply protocol: bytes to a `Call`, on the SDK's own protocol classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from statefun.request_reply_pb2 import FromFunction, ToFunction

# Neighbours are joined up to this size: one pass for thousands, and a shift of the traffic waits for no more.
JOINED_BYTES: Final = 2 << 20

# Type names of messages and states; a state's name may never change its type.
OURS: Final = "pointsman.v1/"
REQUESTS: Final = "pointsman.v1/Requests"
CONTROL: Final = "pointsman.v1/Control"
STATUS: Final = "pointsman.v1/Status"
FEEDBACK: Final = "pointsman.v1/Feedback"
INTERACTIVE: Final = "pointsman.v1/Interactive"
SNAPSHOT: Final = "pointsman.v1/Snapshot"
WORD: Final = "pointsman.v1/Word"
MOVED: Final = "pointsman.v1/Moved"
DIVERTED: Final = "pointsman.v1/Diverted"
READING: Final = "pointsman.v1/Reading"
FED: Final = "pointsman.v1/Fed"
DISTINCT: Final = "pointsman.v1/Distinct"
PARKED: Final = "pointsman.v1/Parked"
TICK: Final = "pointsman.v1/Tick"
REPORT: Final = "pointsman.v1/BatchReport"
HANDLE: Final = "pointsman.v1/Handle"
TASKS: Final = "pointsman.v1/TaskBatch"
TABLE: Final = "pointsman.v1/RouteTable"
ARMS: Final = "pointsman.v1/Arms"
PODS: Final = "pointsman.v1/Pods"
SEEN: Final = "pointsman.v1/Seen"


class Invocation(NamedTuple):
    """One message to a function."""

    typename: str
    value: bytes


class Call(NamedTuple):
    """One address, its state by name (None: never set), its messages in order."""

    namespace: str
    type: str
    id: str
    state: Mapping[str, bytes | None]
    invocations: Sequence[Invocation]


def read_call(request: ToFunction) -> Call:
    """Return the call of a parsed ToFunction."""
    batch = request.invocation
    state = {
        value.state_name: value.state_value.value if value.state_value.has_value else None
        for value in batch.state
    }
    invocations = [
        Invocation(message.argument.typename, message.argument.value) for message in batch.invocations
    ]
    target = batch.target
    return Call(target.namespace, target.type, target.id, state, invocations)


def joined(
    invocations: Sequence[Invocation], typename: str, head: Callable[[bytes], object] = lambda _: None
) -> Iterator[Invocation]:
    """Yield the invocations in order, neighbours of a type as one where `head` says they are alike.

    Serialised messages may be concatenated: their repeated fields append, and what `head` reads is equal.
    Where models alternate in a topic every request comes as a message of its own; one pass for all is what
    makes it cheap again.
    """
    if len(invocations) == 1:
        yield invocations[0]
        return
    pending: list[bytes] = []
    size, kind = 0, None
    for invocation in invocations:
        mine = head(invocation.value) if invocation.typename == typename else None
        if pending and (
            invocation.typename != typename or mine != kind or size + len(invocation.value) > JOINED_BYTES
        ):
            yield Invocation(typename, b"".join(pending))
            pending, size = [], 0
        if invocation.typename == typename:
            pending.append(invocation.value)
            size, kind = size + len(invocation.value), mine
        else:
            yield invocation
    if pending:
        yield Invocation(typename, b"".join(pending))


def missing_state(call: Call, declared: Mapping[str, str]) -> bytes | None:
    """Return the reply that asks for declared states which the call did not bring, or None."""
    missing = [name for name in declared if name not in call.state]
    if not missing:
        return None
    reply = FromFunction()
    for name in missing:
        reply.incomplete_invocation_context.missing_values.add(state_name=name, type_typename=declared[name])
    body: bytes = reply.SerializeToString()
    return body
