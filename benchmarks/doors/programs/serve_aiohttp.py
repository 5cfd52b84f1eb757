"""The yardstick: aiohttp on uvloop with the networks in the handler.

One process and no batches: each request is a forward pass. It reads and writes what the gateway does, less
the decision: the Open Inference Protocol's JSON, with msgspec.
"""

from __future__ import annotations

import msgspec
import uvloop
from aiohttp import web
from given import MODELS, PORT
from network import Network


class Input(msgspec.Struct):
    """One input of a request."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Body(msgspec.Struct):
    """A request."""

    inputs: list[Input]


def application():
    """Return the server."""
    networks = {name: Network() for name in MODELS}
    decode, encode = msgspec.json.Decoder(Body).decode, msgspec.json.Encoder().encode

    async def infer(request):
        [given] = decode(await request.read()).inputs
        [y] = networks[request.match_info["model"]].rows([given.data])
        output = {"name": "y", "datatype": "FP32", "shape": [1, len(y)], "data": y}
        answer = {"model_name": request.match_info["model"], "outputs": [output]}
        return web.Response(body=encode(answer), content_type="application/json")

    made = web.Application()
    made.router.add_post("/v2/models/{model}/infer", infer)
    return made


if __name__ == "__main__":
    uvloop.install()
    web.run_app(application(), host="127.0.0.1", port=PORT, print=None, access_log=None)
