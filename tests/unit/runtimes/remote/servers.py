"""Real servers on real sockets for remote versions: the gateway's own doors, and some that misbehave."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.gateway.call import Call
from pointsman.http.app import Request, Response
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.runtimes.loader import load
from pointsman.runtimes.remote.model import RemoteModel
from pointsman.settings import Settings
from pointsman.wire.json_request import item_from_json
from pointsman.wire.response import error_to_pb
from pointsman.wire.tensors import array_from_pb, tensor_to_pb
from tests.unit.gateway.scene import SIGNATURE

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
BAD = 13.0  # a request that holds this is refused, whoever shares its call


class Doubles:
    """A plane whose model doubles `x` into `y`; it fails as it is told and keeps what it was asked."""

    def __init__(self, *failures: Failure) -> None:
        self.calls: list[Call] = []
        self.rows: list[int] = []
        self.failures = list(failures)

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """See Plane."""
        self.calls.append(call)
        if self.failures:
            return pb.InferenceResponse(model=call.model, error=error_to_pb(self.failures.pop(0)))
        array = _asked(call)["x"]
        self.rows.append(len(array))
        if (array == BAD).any():
            failure = Failure(INVALID_ARGUMENT, f"{BAD} is unlucky", "x")
            return pb.InferenceResponse(model=call.model, error=error_to_pb(failure))
        tensor = tensor_to_pb("y", array * np.float32(2))
        assert not isinstance(tensor, Failure)
        outputs = pb.Tensors(tensors=[tensor])
        return pb.InferenceResponse(model=call.model, version="v1", arm="v1", epoch=7, outputs=outputs)


def _asked(call: Call) -> Item:
    if not call.json:
        arrays = {tensor.name: array_from_pb(tensor) for tensor in call.tensors}
        assert not any(isinstance(array, Failure) for array in arrays.values())
        return arrays  # type: ignore[return-value]
    read = item_from_json(call.json, SIGNATURE, ())
    assert not isinstance(read, Failure)
    return read[1]


@contextmanager
def raw(behave: Streams) -> Iterator[str]:
    """Serve connections with a coroutine function of their streams; yield the URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    listener = socket.create_server(("127.0.0.1", 0))
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(behave, sock=listener), loop).result(10)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _ended(server: asyncio.Server) -> None:
    server.close()
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)


def nobody() -> str:
    """Return the URL of a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def spec(uri: str, runtime: str = "oip", **fields: Any) -> VersionSpec:
    """Return a version; options may be of any type that has a text."""
    options = {name: str(value) for name, value in fields.pop("options", {}).items()}
    return VersionSpec(uri=uri, runtime=runtime, options=options, **fields)


def opened(uri: str, runtime: str = "oip", **fields: Any) -> RemoteModel:
    """Return a version loaded and warm, whose remote is allowed, and may have the key that it asks for."""
    settings, key = fields.pop("settings", {}), fields.get("options", {}).get("key_env", "")
    allowed = Settings(remotes=(f"{key}@{uri}" if key else uri,), **settings)
    loaded = load(spec(uri, runtime, **fields), allowed, lambda: None).loaded
    assert isinstance(loaded, RemoteModel)
    return loaded


def rows(*values: float) -> Item:
    """Return an item with a row of two for each value."""
    return {"x": np.array([[value, value] for value in values], np.float32)}


def json_answer(tree: object, status: int = 200) -> Response:
    """Return an answer in JSON."""
    return Response(msgspec.json.encode(tree), status, "application/json")


class Script:
    """A handler that gives its answers in turn, the last for ever, and keeps what it was asked."""

    def __init__(self, *answers: Response) -> None:
        self.requests: list[Request] = []
        self._answers = list(answers)

    async def __call__(self, request: Request) -> Response:
        """Answer."""
        self.requests.append(request)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


DESCRIBED = json_answer({"name": "m"})
ONE = json_answer({"outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [2, 2]}]})


def after(behave: Streams) -> Streams:
    """Return what answers metadata and the warm-up as it should, and behaves like this then."""
    good = [DESCRIBED.body, ONE.body]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
        if good:
            body = good.pop(0)
            writer.write(
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )
            await writer.drain()
        else:
            await behave(reader, writer)
        writer.close()

    return serve


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Say nothing."""
    await reader.read()  # until the other side goes
