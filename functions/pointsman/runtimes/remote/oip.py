"""The Open Inference Protocol: over HTTP with binary tensors, over gRPC with raw contents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item, Signature
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.runtimes.base import Result
from pointsman.runtimes.remote.caller import Caller
from pointsman.runtimes.remote.http_line import HttpLine
from pointsman.runtimes.remote.key import key_of
from pointsman.runtimes.remote.model import RemoteModel, answer_batched
from pointsman.runtimes.remote.opening import Place, introduced, line_to, place_of
from pointsman.runtimes.remote.options import Options, options_of
from pointsman.runtimes.remote.signing import signed
from pointsman.runtimes.remote.trouble import Trouble, unreadable
from pointsman.settings import Settings
from pointsman.wire.oip_answer import read_answer
from pointsman.wire.oip_ask import write_ask
from pointsman.wire.oip_binary import HEADER
from pointsman.wire.oip_described import read_metadata
from pointsman.wire.tensors import tensor_to_pb

_HTTP: Final = r".*/v2/models/(?P<model>[^/]+)(/versions/(?P<version>[^/]+))?"
_GRPC: Final = r"/(?P<model>[^/]+)(/(?P<version>[^/]+))?"
_BINARY: Final = {"content-type": "application/octet-stream"}


class Door(Protocol):
    """One of the two forms of the protocol. Its methods raise Trouble."""

    def describe(self, left_s: float) -> Signature | None:
        """Return what the model takes and gives, None where it does not say."""

    def infer(self, tensors: Sequence[pb.Tensor], left_s: float) -> Item:
        """Return the outputs."""

    def close(self) -> None:
        """Close the connections."""


class HttpDoor:
    """A model over HTTP."""

    def __init__(self, line: HttpLine, path: str) -> None:
        self._line = line
        self._path = path
        self.close = line.close

    def describe(self, left_s: float) -> Signature | None:
        """See Door."""
        said = read_metadata(self._line.ask("GET", self._path, left_s).body)
        if isinstance(said, Failure):
            raise unreadable(said)
        return said

    def infer(self, tensors: Sequence[pb.Tensor], left_s: float) -> Item:
        """See Door."""
        body, length = write_ask(tensors)
        headers = {**_BINARY, HEADER: str(length)}
        answer = self._line.ask("POST", f"{self._path}/infer", left_s, headers, body)
        said = read_answer(answer.body, _length(answer.headers.get(HEADER)))
        if isinstance(said, Failure):
            raise unreadable(said)
        return said.outputs


class OipService:
    """A model of the protocol, many requests in a call."""

    def __init__(self, door: Door, caller: Caller, most_rows: int) -> None:
        self._door = door
        self._caller = caller
        self._most_rows = most_rows

    def answer(self, items: Sequence[Item], max_batch: int, until: float) -> list[Result]:
        """See Service."""
        return answer_batched(self._exchange, items, min(max_batch, self._most_rows), until)

    def close(self) -> None:
        """See Service."""
        self._caller.close()
        self._door.close()

    def _exchange(self, batch: Item, until: float) -> Item:
        tensors = []
        for name, array in batch.items():
            tensor = tensor_to_pb(name, array)
            if isinstance(tensor, Failure):
                raise Trouble(tensor.code, tensor.message, is_ours=True)
            tensors.append(tensor)
        return self._caller.call(lambda left_s: self._door.infer(tensors, left_s), until)


def load(spec: VersionSpec, settings: Settings) -> RemoteModel:
    """Return the version, whose remote has just answered; raises LoadError."""
    options = options_of(spec, Options)
    door, caller = _door(spec, settings, options), Caller(options)
    said = introduced(caller, door.describe, door.close)
    try:
        signature, most_rows = signed(spec, said)
    except BaseException:
        door.close()
        raise
    return RemoteModel(OipService(door, caller, most_rows), options, signature)


def _door(spec: VersionSpec, settings: Settings, options: Options) -> Door:
    if not spec.uri.startswith("grpc"):
        place = place_of(spec, settings, _HTTP, "http://HOST:PORT/v2/models/NAME[/versions/V]")
        return HttpDoor(line_to(place.address, options, settings), place.address.path)
    place = place_of(spec, settings, _GRPC, "grpc://HOST:PORT/NAME[/V]")
    key = key_of(options.key_env, place.address, settings.remotes)
    return _grpc_door()(place, key, settings.remote_bytes)


def _grpc_door() -> Callable[[Place, str, int], Door]:
    from pointsman.runtimes.remote.oip_grpc import GrpcDoor

    return GrpcDoor


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise unreadable(Failure(INVALID_ARGUMENT, f"{HEADER} is no number"))
    return int(text)
