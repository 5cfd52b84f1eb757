"""A gateway whose models are made up: the real server, doors and page before a plane that adds one."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import numpy as np

from pointsman.core.spec import Route, VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.gateway.access import Access
from pointsman.gateway.call import Call
from pointsman.gateway.console import Console
from pointsman.gateway.depot import Depot
from pointsman.gateway.desk import Desk
from pointsman.gateway.oip import OipDoor
from pointsman.gateway.site import Door, Site
from pointsman.http.server import Server
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.response import error_to_pb

HOSTILE = "<img src=x onerror=alert(1)>"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def table(
    model: str,
    states: Mapping[str, VersionState],
    split: Mapping[str, int],
    labels: Mapping[str, str] = {},
    shape: tuple[int, ...] = (-1, 3),
) -> RouteTable:
    """Return a table whose versions take `x` of INT64 and give `y`."""
    signature = Signature((TensorSpec("x", "INT64", shape),), (TensorSpec("y", "INT64", shape),))
    spec = VersionSpec("file:///w", signature=signature, pool="cpu")
    versions = {
        version: VersionEntry(version, spec, state, 1, "no such file" if state == "FAILED" else "")
        for version, state in states.items()
    }
    return RouteTable(model, 12, versions, Route(dict(split)), labels=labels)


TABLES = {
    "digits": table(
        "digits",
        {
            "2": VersionState.READY,
            "10": VersionState.READY,
            "11": VersionState.LOADING,
            "12": VersionState.FAILED,
        },
        {"2": 9000, "10": 1000},
        {"stable": "2", "canary": "10"},
    ),
    HOSTILE: table(HOSTILE, {HOSTILE: VersionState.READY}, {HOSTILE: 1}, {HOSTILE: HOSTILE}),
}


class AddingPlane:
    """Answers with each element one larger; refuses the empty request."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        self.calls.append(call)
        if not call.tensors:
            failure = Failure(INVALID_ARGUMENT, "input 'x' is missing", "x")
            return pb.InferenceResponse(model=call.model, error=error_to_pb(failure))
        [x] = call.tensors
        raw = (np.frombuffer(x.raw, "<i8") + 1).tobytes()
        tensor = pb.Tensor(name="y", datatype="INT64", shape=x.shape, raw=raw)
        version = call.version or "2"
        answer = pb.InferenceResponse(model=call.model, version=version, arm="2", epoch=12, decision_id="d")
        answer.outputs.tensors.append(tensor)
        return answer


class Exhibit:
    """The gateway on a port of its own, which it can leave and come back to."""

    def __init__(self, access: Access | None = None) -> None:
        self.clock = Clock()
        self.plane = AddingPlane()
        access = access or Access(None, lambda: 0)
        desk = Desk(self.plane, TABLES, access, clock=self.clock)
        self.meter = desk.meter
        console = Console(TABLES, access, self.meter, lambda: 7, self.clock, 4711)
        doors: dict[str, Door] = {
            "": console,
            "console": console,
            "v2": OipDoor(desk, _NoRepository(), Depot(None), _yes),
        }
        self._site = Site(doors)
        self._port = 0
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._port}/"

    async def open(self) -> None:
        """Begin to answer; at another time on the same port."""
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._server = Server(self._site, gather_s=0)
        await self._server.start(listener, 16)

    async def close(self) -> None:
        """Be gone."""
        assert self._server is not None
        self._server.stop_accepting()
        await self._server.drain(0)


class _NoRepository:
    async def load(self, model: str, config: str) -> Failure | None:
        """See Repository."""
        raise AssertionError(model)

    async def unload(self, model: str) -> Failure | None:
        """See Repository."""
        raise AssertionError(model)

    async def register(
        self, model: str, version: str, spec: Mapping[str, Any], actor: str, wait_s: float
    ) -> VersionState | Failure:
        """See Repository."""
        raise AssertionError(model)


def _yes() -> bool:
    return True
