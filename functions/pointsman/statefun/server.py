"""The HTTP server of function processes: one POST is one call of one address."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from aiohttp import web
from google.protobuf.message import DecodeError
from statefun import RequestReplyHandler, StatefulFunctions
from statefun.request_reply_pb2 import ToFunction

from pointsman.statefun.protocol import CONTENT_TYPE, Call, missing_state, read_call

logger = logging.getLogger(__name__)

_HEADERS: Final = {"Content-Type": CONTENT_TYPE}


class BatchFunction(Protocol):
    """A function that takes all queued messages of an address in one call."""

    @property
    def states(self) -> Mapping[str, str]:
        """Declared states: name to type name."""

    def __call__(self, call: Call) -> Awaitable[bytes]:
        """Return the serialised FromFunction. Must not raise: an error would come back for ever."""


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

    def app(self) -> web.Application:
        """Return the application: every POST is a call, GET /health/live and /health/ready are probes."""
        # A batch may be as large as the backlog of an address: no limit here (0), the engine's are in force.
        app = web.Application(client_max_size=0)
        app.router.add_get("/health/live", self._live)
        app.router.add_get("/health/ready", self._is_ready)
        app.router.add_post("/{path:.*}", self._call)
        return app

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
        return missing if missing is not None else await function(call)

    async def _sdk_reply(self, request: ToFunction, body: bytes) -> bytes:
        if self._plain is None:
            target = request.invocation.target
            raise LookupError(f"no function is bound to {target.namespace}/{target.type}")
        reply: bytes = await self._plain.handle_async(body)
        return reply

    async def _call(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            return web.Response(body=await self.reply(body), headers=_HEADERS)
        except (DecodeError, LookupError) as error:
            logger.error("refused a call of %d bytes: %s", len(body), error)
            return web.Response(status=400, text=str(error))

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _is_ready(self, _: web.Request) -> web.Response:
        ready = self._ready()
        return web.json_response({"ready": ready}, status=200 if ready else 503)
