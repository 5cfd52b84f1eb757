"""The bytes that the engine posts: a batch of requests to a router, and the router's tasks to a model."""

from __future__ import annotations

from pathlib import Path

from statefun.request_reply_pb2 import FromFunction, ToFunction

from benchmarks.stream import models
from pointsman import topics
from pointsman.core.spec import WEIGHT_SCALE, VersionSpec
from pointsman.pb.v1 import inference_pb2, ingress_pb2, routing_pb2
from pointsman.statefun.protocol import ARMS, HANDLE, PODS, REPORT, REQUESTS, TABLE, TASKS
from pointsman.wire.spec import spec_to_pb

VERSIONS = {"1": 90 * WEIGHT_SCALE, "2": 10 * WEIGHT_SCALE}
GENERATION = 1


def route_table(spec: VersionSpec) -> bytes:
    """Return a table with two READY versions at 90/10."""
    table = routing_pb2.RouteTable(model=models.MODEL, epoch=GENERATION, schema=1)
    for version, weight in VERSIONS.items():
        state = routing_pb2.READY
        table.versions.add(version=version, spec=spec_to_pb(spec), state=state, generation=GENERATION)
        table.route.split.add(version=version, weight=weight)
    table.route.sticky = True
    return bytes(table.SerializeToString())


def requests(count: int, body: Path, now_ms: int) -> bytes:
    """Return `count` neighbouring records as the ingress adapter hands them over."""
    batch, payload = ingress_pb2.IngressBatch(), body.read_bytes()
    for number in range(count):
        head = inference_pb2.InferenceRequest(id=f"{number:016x}", model=models.MODEL, reply_key="bench")
        batch.records.add(
            topic=topics.REQUESTS,
            offset=number,
            timestamp_ms=now_ms,
            key=models.MODEL.encode(),
            value=head.SerializeToString() + payload,
            format=ingress_pb2.FORMAT_PROTOBUF,
        )
    return bytes(batch.SerializeToString())


def router_call(table: bytes, batch: bytes) -> bytes:
    """Return the call that brings a batch to the router."""
    states = {"table": (TABLE, table), "arms": (ARMS, b""), "pods": (PODS, b"")}
    return _call("pointsman", "router", models.MODEL, states, REQUESTS, batch)


def model_call(router_reply: bytes) -> bytes:
    """Return the call that brings the router's tasks for version 1 to the model function."""
    reply = FromFunction.FromString(router_reply).invocation_result
    task = next(m for m in reply.outgoing_messages if m.target.id.startswith(f"{models.MODEL}~1~"))
    states = {"handle": (HANDLE, b""), "totals": (REPORT, b"")}
    return _call("models", "default", task.target.id, states, TASKS, task.argument.value)


def answers(model_reply: bytes) -> int:
    """Return how many records the reply writes to topics."""
    return len(FromFunction.FromString(model_reply).invocation_result.outgoing_egresses)


def _call(
    namespace: str, kind: str, target: str, states: dict[str, tuple[str, bytes]], typename: str, value: bytes
) -> bytes:
    call = ToFunction()
    invocation = call.invocation
    invocation.target.namespace, invocation.target.type, invocation.target.id = namespace, kind, target
    for name, (state_type, state) in states.items():
        entry = invocation.state.add(state_name=name).state_value
        entry.typename, entry.has_value, entry.value = state_type, bool(state), state
    argument = invocation.invocations.add().argument
    argument.typename, argument.has_value, argument.value = typename, True, value
    return bytes(call.SerializeToString())
