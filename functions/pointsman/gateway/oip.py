"""The door of the Open Inference Protocol over REST: everything below /v2."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeAlias

import msgspec

import pointsman
from pointsman.core.table import RouteTable, entry_of, is_serving
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, UNAVAILABLE, Failure
from pointsman.gateway.access import token_from
from pointsman.gateway.call import Call
from pointsman.gateway.depot import Depot
from pointsman.gateway.desk import Desk
from pointsman.gateway.oip_repository import Repository, RepositoryRoom
from pointsman.gateway.rest import (
    BINARY,
    JSON,
    READING,
    Written,
    answered,
    called,
    not_allowed,
    nothing_at,
    opened,
    refused,
)
from pointsman.gateway.upload_room import UploadRoom
from pointsman.http.app import Request, Response
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire import oip_metadata
from pointsman.wire.oip_binary import HEADER
from pointsman.wire.oip_request import OipRequest, read_raw, read_request
from pointsman.wire.oip_response import write_response
from pointsman.wire.oip_statistics import statistics_body

Room: TypeAlias = Callable[[Request, list[str]], Awaitable[Response]]

VERBS: Final = frozenset({"", "infer", "ready", "config", "stats"})
EXTENSIONS: Final = ("binary_tensor_data", "model_repository", "model_configuration", "statistics")
_LENGTH: Final = HEADER.lower()


class Place(NamedTuple):
    """What a path below /v2/models names."""

    model: str
    version: str
    verb: str


class OipDoor:
    """Translates; who may, what there is and what comes of it is the desk's business."""

    def __init__(
        self, desk: Desk, repository: Repository, depot: Depot, is_ready: Callable[[], bool]
    ) -> None:
        self._desk = desk
        self._is_ready = is_ready
        self._rooms: dict[str, Room] = {
            "": self._server,
            "health": self._health,
            "models": self._models,
            "repository": RepositoryRoom(desk, repository, UploadRoom(desk, repository, depot)),
        }

    async def __call__(self, request: Request) -> Response:
        """Return the answer to a request whose path begins with /v2."""
        name, *rest = request.path.strip("/").split("/")[1:] or [""]
        room = self._rooms.get(name)
        return nothing_at(request.path) if room is None else await room(request, rest)

    async def _server(self, request: Request, _: list[str]) -> Response:
        if request.method not in READING:
            return not_allowed("GET")
        return Response(oip_metadata.server_metadata(pointsman.__version__, EXTENSIONS), 200, JSON)

    async def _health(self, request: Request, rest: list[str]) -> Response:
        if rest not in (["live"], ["ready"]):
            return nothing_at(request.path)
        if request.method not in READING:
            return not_allowed("GET")
        # The status is what Triton's clients look at, the JSON is for KServe's.
        is_well = rest == ["live"] or self._is_ready()
        body = msgspec.json.encode({"live": True, "ready": is_well})
        return Response(body, 200 if is_well else 503, JSON)

    async def _models(self, request: Request, rest: list[str]) -> Response:
        place = place_of(rest)
        if place is None:
            return nothing_at(request.path)
        if place.verb == "infer":
            return await self._infer(request, place)
        if request.method not in READING:
            return not_allowed("GET")
        return self._about(request, place)

    async def _infer(self, request: Request, place: Place) -> Response:
        if request.method != "POST":
            return not_allowed("POST")
        body = await opened(self._desk, request, place.model)
        read = body if isinstance(body, Failure) else self._read(request, body, place)
        if isinstance(read, Failure):
            return refused(read)
        call = called(request, _call(read, place))
        if isinstance(call, Failure):
            return refused(call)
        read = msgspec.structs.replace(read, id=call.id)  # a header may have said it
        return await answered(self._desk, request, call, lambda answer: _write(answer, read))

    def _read(self, request: Request, body: bytes, place: Place) -> OipRequest | Failure:
        length = request.headers.get(_LENGTH)
        if length is None:
            return self._desk.bounds.too_long(len(body)) or read_request(body, None)
        if not (length.isascii() and length.isdecimal() and len(length) < 19):
            return Failure(INVALID_ARGUMENT, f"{HEADER}: must be a whole number of bytes", HEADER)
        if int(length):
            return self._desk.bounds.too_long(int(length)) or read_request(body, int(length))
        table = self._desk.catalogue.get(place.model)
        entry = None if table is None else entry_of(table, place.version)
        signature = None if entry is None else entry.spec.signature
        if signature is None:
            return self._desk.unknown(place.model) or Failure(
                FAILED_PRECONDITION, f"{HEADER}: 0 needs a model whose signature is known; send JSON", HEADER
            )
        return read_raw(body, signature.inputs)

    def _about(self, request: Request, place: Place) -> Response:
        permit = self._desk.access.admit(token_from(request.headers), place.model)
        if isinstance(permit, Failure):
            return refused(permit)
        with permit:
            if not place.model:
                counts = (one for one in self._desk.statistics.of() if permit.allows(one.name))
                return Response(statistics_body(counts), 200, JSON)
            table = self._desk.catalogue.get(place.model)
            if table is None or (place.version and place.version not in table.versions):
                return refused(oip_metadata.unknown_model(place.model, place.version))
            return self._described(table, place)

    def _described(self, table: RouteTable, place: Place) -> Response:
        if place.verb == "ready":
            return _ready(table, place)
        if place.verb == "stats":
            found = self._desk.statistics.of(place.model, place.version)
            return Response(statistics_body(found), 200, JSON)
        about = oip_metadata.model_config if place.verb == "config" else oip_metadata.model_metadata
        body = about(table, place.version)
        return refused(body) if isinstance(body, Failure) else Response(body, 200, JSON)


def place_of(parts: list[str]) -> Place | None:
    """Return what the parts of a path after /v2/models name, or None; no model stands for all."""
    if parts == ["stats"]:
        return Place("", "", "stats")
    version, rest = "", parts[1:]
    if rest[:1] == ["versions"] and len(rest) > 1 and rest[1]:
        version, rest = rest[1], rest[2:]
    if not parts or not parts[0] or len(rest) > 1:
        return None
    verb = rest[0] if rest else ""
    return Place(parts[0], version, verb) if verb in VERBS else None


def _call(read: OipRequest, place: Place) -> Call:
    return Call(
        model=place.model,
        version=place.version,
        id=read.id,
        timeout_ms=read.timeout_ms,
        tensors=read.tensors,
        parameters=read.texts,
    )


def _ready(table: RouteTable, place: Place) -> Response:
    entries = [table.versions.get(place.version)] if place.version else list(table.versions.values())
    if any(map(is_serving, entries)):
        return Response(msgspec.json.encode({"name": place.model, "ready": True}), 200, JSON)
    return refused(Failure(UNAVAILABLE, f"'{place.model}' has no version that is ready"))


def _write(answer: pb.InferenceResponse, read: OipRequest) -> Written | Failure:
    written = write_response(answer, read)
    if isinstance(written, Failure):
        return written
    if written.json_length is None:
        return Written(written.body)
    return Written(written.body, BINARY, ((HEADER, str(written.json_length)),))
