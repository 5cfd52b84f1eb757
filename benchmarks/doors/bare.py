"""`python -m benchmarks.doors.bare PORT ARTIFACT`: the yardstick, aiohttp with the network in the handler.

One process and no batches: each request is a forward pass. It answers what the gateway answers, less the
decision, to the Open Inference Protocol's JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import torch
import uvloop
from aiohttp import web
from safetensors.torch import load

from pointsman_examples.mlp import Mlp


class Input(msgspec.Struct):
    """One input of a request."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Body(msgspec.Struct):
    """A request."""

    inputs: list[Input]


def application(artifact: Path) -> web.Application:
    """Return the server."""
    torch.set_num_threads(1)
    network = Mlp()
    network.load_state_dict(load(artifact.read_bytes()))
    decode, encode = msgspec.json.Decoder(Body).decode, msgspec.json.Encoder().encode

    async def infer(request: web.Request) -> web.Response:
        [given] = decode(await request.read()).inputs
        with torch.inference_mode():
            y = network(torch.tensor(given.data).reshape(given.shape))
        output = {"name": "y", "datatype": "FP32", "shape": list(y.shape), "data": y.ravel().tolist()}
        answer: dict[str, Any] = {"model_name": request.match_info["model"], "outputs": [output]}
        return web.Response(body=encode(answer), content_type="application/json")

    made = web.Application()
    made.router.add_post("/v2/models/{model}/infer", infer)
    return made


def main() -> None:
    """Serve until it is ended."""
    port, artifact = sys.argv[1:]
    uvloop.install()
    web.run_app(application(Path(artifact)), host="127.0.0.1", port=int(port), print=None, access_log=None)


if __name__ == "__main__":
    main()
