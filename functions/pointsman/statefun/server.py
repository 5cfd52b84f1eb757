"""The HTTP server of function processes: one POST is one call of one address."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from google.protobuf.message import DecodeError
from statefun import RequestReplyHandler, StatefulFunctions
from statefun.request_reply_pb2 import ToFunction

from pointsman.errors import NewerRelease
from pointsman.http.app import App, Request, Response
from pointsman.statefun.protocol import OURS, Call, missing_state, read_call

logger = logging.getLogger(__name__)

_HEALTH: Final = "/health/"
_TEXT: Final = "text/plain"


class BatchFunction(Protocol):
    """A function that takes all queued messages of an address in one call."""

    @property
    def states(self) -> Mapping[str, str]:
        """Declared states: name to type name."""

    @property
    def messages(self) -> frozenset[str]:
        """The type names of the messages that it takes."""

    def __call__(self, call: Call) -> Awaitable[bytes]:
        """Return the serialised FromFunction.

        Must not raise: an error would come back for ever. But NewerRelease is right where a newer release
        wrote the state: the engine calls again until a process answers that knows it.
        """


class FunctionServer:
    """Serves batch functions by `namespace/type`, and functions bound to the SDK beside them.

    A type of `*` serves a whole namespace, as an endpoint's wildcard does.
    """

    def __init__(self, plain: StatefulFunctions | None = None) -> None:
        self._functions: dict[tuple[str, str], BatchFunction] = {}
        self._plain = RequestReplyHandler(plain) if plain is not None else None
        self._ready: Callable[[], bool] = lambda: True

    def bind(self, namespace: str, function: str, batch_function: BatchFunction) -> None:
        """Serve a function type."""
        self._functions[namespace, function] = batch_function

    def ready_when(self, ready: Callable[[], bool]) -> None:
        """Let the readiness probe ask this."""
        self._ready = ready

    def app(self) -> App:
        """Return the application: every POST is a call, GET /health/live and /health/ready are probes."""
        return App(self._handle)

    async def reply(self, body: bytes) -> bytes:
        """Return the reply to a serialised ToFunction; raises DecodeError where it is none."""
        request = ToFunction.FromString(body)
        target = request.invocation.target
        function = self._functions.get((target.namespace, target.type)) or self._functions.get(
            (target.namespace, "*")
        )
        if function is None:
            return await self._sdk_reply(request, body)
        call = read_call(request)
        missing = missing_state(call, function.states)
        if missing is not None:
            return missing
        _check(call, function.messages)
        return await function(call)

    async def _sdk_reply(self, request: ToFunction, body: bytes) -> bytes:
        if self._plain is None:
            target = request.invocation.target
            raise LookupError(f"no function is bound to {target.namespace}/{target.type}")
        reply: bytes = await self._plain.handle_async(body)
        return reply

    async def _handle(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._call(request.body)
        if request.method in ("GET", "HEAD") and request.path.startswith(_HEALTH):
            return self._health(request.path.removeprefix(_HEALTH))
        said = b"a call is a POST; probes are GET /health/live and /health/ready\n"
        return Response(said, 405, _TEXT, (("Allow", "GET, HEAD, POST"),))

    async def _call(self, body: bytes) -> Response:
        try:
            return Response(await self.reply(body))
        except (DecodeError, LookupError) as error:
            logger.error("refused a call of %d bytes: %s", len(body), error)
            return Response(f"{error}\n".encode(), 400, _TEXT)
        except NewerRelease as error:
            logger.warning("left a call of %d bytes: %s", len(body), error)
            return Response(f"{error}\n".encode(), 503, _TEXT)

    def _health(self, probe: str) -> Response:
        if probe not in ("live", "ready"):
            return Response(b"there are /health/live and /health/ready\n", 404, _TEXT)
        is_well = probe == "live" or self._ready()
        return Response(json.dumps({probe: is_well}).encode(), 200 if is_well else 503, "application/json")


def _check(call: Call, messages: frozenset[str]) -> None:
    """Raise NewerRelease for a message of ours that this release does not know.

    It may hold requests. What is not ours is the function's to judge.
    """
    for invocation in call.invocations:
        if invocation.typename not in messages and invocation.typename.startswith(OURS):
            raise NewerRelease(f"{call.namespace}/{call.type} got a message of type {invocation.typename}")
