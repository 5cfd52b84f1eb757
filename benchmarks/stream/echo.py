"""The smallest program on the official SDK: a record passes through two functions to the egress.

    python -m benchmarks.stream.echo PORT

This is the yardstick of the benchmark: what a user of Stateful Functions gets from the SDK's own handler.
"""

from __future__ import annotations

import sys
from typing import Final

import uvloop
from aiohttp import web
from statefun import Context, Message, RequestReplyHandler, StatefulFunctions, kafka_egress_message

FIRST: Final = "echo/first"
SECOND: Final = "echo/second"
EGRESS: Final = "echo/out"
IN_TOPIC: Final = "echo.in"
OUT_TOPIC: Final = "echo.out"
MAX_BODY: Final = 1 << 30

functions = StatefulFunctions()


@functions.bind(FIRST)
async def first(context: Context, message: Message) -> None:
    """Pass the record on."""
    context.send(Message(SECOND, context.address.id, message.typed_value))


@functions.bind(SECOND)
async def second(context: Context, message: Message) -> None:
    """Write the record to the out topic."""
    context.send_egress(
        kafka_egress_message(EGRESS, OUT_TOPIC, value=message.raw_value(), key=context.address.id)
    )


def application() -> web.Application:
    """Build the server: a POST is one call of the engine; a GET says that it is up."""
    handler = RequestReplyHandler(functions)

    async def call(request: web.Request) -> web.Response:
        body = await handler.handle_async(await request.read())
        return web.Response(body=body, content_type="application/octet-stream")

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application(client_max_size=MAX_BODY)
    app.add_routes([web.post("/", call), web.get("/", health)])
    return app


if __name__ == "__main__":
    uvloop.install()
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
