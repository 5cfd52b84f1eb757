"""A served gateway over a plane that echoes, and a client that makes calls by their names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import msgspec
from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor

from pointsman.core.spec import Route, VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import NOT_FOUND, Failure
from pointsman.gateway.access import Access
from pointsman.gateway.call import Call
from pointsman.gateway.desk import Desk
from pointsman.gateway.grpc.server import SERVICES, Server, grpc_server
from pointsman.pb.oip import grpc_service_pb2 as oip
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.response import error_to_pb

SIGNATURE = Signature((TensorSpec("x", "FP32", (-1, 2)),), (TensorSpec("x", "FP32", (-1, 2)),))
SERVICE = {descriptor.full_name: descriptor for descriptor in SERVICES}
OIP, TFS, OWN = (
    "inference.GRPCInferenceService",
    "tensorflow.serving.PredictionService",
    "pointsman.v1.Inference",
)
MODELS = "tensorflow.serving.ModelService"


def entry(version: str, state: VersionState = VersionState.READY, **fields: Any) -> VersionEntry:
    spec = VersionSpec("file:///models/m", signature=SIGNATURE)
    return VersionEntry(version, spec, state, int(version), **fields)


CATALOGUE = {
    "bug": RouteTable("bug"),
    "m": RouteTable(
        "m",
        epoch=7,
        versions={
            "1": entry("1"),
            "2": entry("2", VersionState.LOADING),
            "3": entry("3", VersionState.FAILED, reason="no such file"),
        },
        route=Route(split={"1": 10_000}),
        labels={"live": "1"},
    ),
}


class Plane:
    """Answers a call with its own tensors, when `gate` lets it; keeps what it was asked."""

    def __init__(self, gate: Callable[[Call], Awaitable[object]] | None = None) -> None:
        self.calls: list[Call] = []
        self.cancelled: list[str] = []
        self.under_way = self.most_under_way = 0
        self.arrived = asyncio.Event()
        self.let_go = asyncio.Event()
        self._gate = gate

    async def infer(self, call: Call) -> pb.InferenceResponse:
        self.calls.append(call)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.arrived.set()
        try:
            if self._gate is not None:
                await self._gate(call)
        except asyncio.CancelledError:
            self.cancelled.append(call.id)
            self.let_go.set()
            raise
        finally:
            self.under_way -= 1
        return answer_to(call)


def answer_to(call: Call) -> pb.InferenceResponse:
    if call.model == "bug":
        raise RuntimeError("/secret/path")
    if call.model != "m":
        failure = Failure(NOT_FOUND, f"no model {call.model!r}", "model")
        return pb.InferenceResponse(error=error_to_pb(failure))
    return pb.InferenceResponse(
        model=call.model,
        version=call.version or "1",
        arm="a",
        epoch=7,
        decision_id="m:1:7",
        attempt=1,
        timings=pb.Timings(queued_us=5, compute_us=9, batch_rows=4),
        outputs=pb.Tensors(tensors=call.tensors),
    )


OPEN = Access(None, lambda: 0, control_is_open=True)


class Client:
    """Calls by name: `await client(OIP, "ModelInfer", request)`."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel

    def __call__(self, service: str, name: str, request: Any, **options: Any) -> Any:
        descriptor: ServiceDescriptor = SERVICE[service]
        method = descriptor.methods_by_name[name]
        kind = f"{_arity(method.client_streaming)}_{_arity(method.server_streaming)}"
        call = getattr(self.channel, kind)(
            f"/{service}/{name}",
            request_serializer=lambda message: (
                message if isinstance(message, bytes) else message.SerializeToString()
            ),
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )
        return call(request, **options)


def _arity(is_stream: bool) -> str:
    return "stream" if is_stream else "unary"


@asynccontextmanager
async def served(
    plane: Plane | None = None,
    catalogue: Mapping[str, RouteTable] = CATALOGUE,
    access: Access | None = None,
    address: str = "127.0.0.1:0",
    **options: Any,
) -> AsyncIterator[tuple[Server, Client]]:
    desk = Desk(plane or Plane(), catalogue, access or OPEN)
    server = await grpc_server(desk, address, **options)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
    try:
        async with channel:
            yield server, Client(channel)
    finally:
        await server.stop(0)


def within(story: Awaitable[None], limit_s: float = 20) -> None:
    """Run a test's story; one that hangs fails."""

    async def limited() -> None:
        async with asyncio.timeout(limit_s):
            await story

    asyncio.run(limited())


def infer(request_id: str = "", model: str = "m", **fields: Any) -> oip.ModelInferRequest:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "contents": {"fp32_contents": [1, 2]}}
    return oip.ModelInferRequest(**{"model_name": model, "id": request_id, "inputs": [tensor], **fields})


async def refusal(call: Any) -> Any:
    """Return the AioRpcError that a call ends with."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call was answered")


async def each(*messages: Any) -> AsyncIterator[Any]:
    for message in messages:
        yield message


class Ack(msgspec.Struct):
    error: Failure | None = None
