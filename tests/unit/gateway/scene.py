"""A gateway without a job: its doors over a plane that answers by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from pointsman.core.spec import Route, VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import Failure
from pointsman.gateway.access import Access
from pointsman.gateway.accounts import Accounts
from pointsman.gateway.call import Call, Plane
from pointsman.gateway.depot import Depot
from pointsman.gateway.desk import Bounds, Desk
from pointsman.gateway.health import Health
from pointsman.gateway.oip import OipDoor
from pointsman.gateway.openapi import Description
from pointsman.gateway.site import Door, Site
from pointsman.gateway.tfs import TfsDoor
from pointsman.http.app import Request, Response
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.response import error_to_pb

SIGNATURE = Signature(inputs=(TensorSpec("x", "FP32", (-1, 2)),), outputs=(TensorSpec("y", "FP32", (-1, 2)),))


def table(model: str, **states: VersionState) -> RouteTable:
    """Return a table whose versions v1, v2... have these states; the first has all the weight."""
    versions = {
        name: VersionEntry(name, VersionSpec("file:///w", signature=SIGNATURE), state, number)
        for number, (name, state) in enumerate(states.items())
    }
    return RouteTable(model, 7, versions, Route({next(iter(states)): 10_000}) if states else Route())


TABLES = {
    "m": table("m", v1=VersionState.READY, v2=VersionState.LOADING),
    "dead": table("dead", v1=VersionState.FAILED),
}


class RememberingPlane(Plane, Protocol):
    """A plane that keeps what it was asked."""

    calls: list[Call]


class EchoPlane:
    """Answers with the tensors that came, under the names of outputs; or with the failure it is given."""

    def __init__(self, failure: Failure | None = None) -> None:
        self.calls: list[Call] = []
        self.failure = failure

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        self.calls.append(call)
        if self.failure is not None:
            return pb.InferenceResponse(model=call.model, error=error_to_pb(self.failure))
        outputs = pb.Tensors(tensors=call.tensors)
        for tensor in outputs.tensors:
            tensor.name = "y"
        return pb.InferenceResponse(
            model=call.model,
            version=call.version or "v1",
            arm="v1",
            epoch=7,
            decision_id="d",
            outputs=outputs,
        )


class NoRepository:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.registered: list[tuple[str, str, dict[str, Any], str, float]] = []
        self.becomes: VersionState | Failure = VersionState.READY

    async def load(self, model: str, config: str) -> Failure | None:
        """See Repository."""
        self.asked.append(("load", model))
        return None

    async def unload(self, model: str) -> Failure | None:
        """See Repository."""
        self.asked.append(("unload", model))
        return Failure("INVALID_ARGUMENT", "no")

    async def register(
        self, model: str, version: str, spec: Mapping[str, Any], actor: str, wait_s: float
    ) -> VersionState | Failure:
        """See Repository."""
        self.registered.append((model, version, {**spec}, actor, wait_s))
        return self.becomes


class Scene:
    """A site, and what it says."""

    def __init__(
        self,
        failure: Failure | None = None,
        access: Access | None = None,
        *,
        is_ready: bool = True,
        plane: RememberingPlane | None = None,
        bounds: Bounds | None = None,
        depot: Depot | None = None,
    ) -> None:
        self.plane = plane or EchoPlane(failure)
        self.repository = NoRepository()
        access = access or Access(None, lambda: 0, control_is_open=True)
        self.desk = Desk(self.plane, TABLES, access, bounds=bounds)
        accounts = Accounts(self.desk, 5)
        doors: dict[str, Door] = {
            "v1": TfsDoor(self.desk),
            "v2": OipDoor(self.desk, self.repository, depot or Depot(None), lambda: is_ready),
            "metrics": accounts.metrics,
            "usage": accounts.usage,
            "openapi.json": Description(),
            "health": Health(lambda: is_ready),
        }
        self.site = Site(doors)

    def ask(self, method: str, path: str, body: bytes | object = b"", **headers: str) -> Response:
        """Return the answer; a body that is no bytes goes as JSON, `_` in a header's name is a dash."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        names = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        place, _, query = path.partition("?")
        return run(self.site, Request(method, place, raw, names, query))


def run(handler: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """Return what a handler answers."""

    async def asked() -> Response:
        return await handler(request)

    return asyncio.run(asked())
