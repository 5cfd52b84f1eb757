"""The repository of the Open Inference Protocol: what is there, load it, unload it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from pointsman.core.table import VersionState
from pointsman.errors import Failure
from pointsman.gateway.access import token_from
from pointsman.gateway.desk import Desk
from pointsman.gateway.rest import JSON, not_allowed, nothing_at, refused
from pointsman.http.app import Request, Response
from pointsman.wire import oip_metadata
from pointsman.wire.malformed import UNREADABLE, malformed

# How the message of a failed load begins; clients look for it.
LOAD_FAILED: Final = "failed to load"


class Repository(Protocol):
    """Loads and unloads models, as commands to the job. `config` is as a model file, in JSON, or empty."""

    async def load(self, model: str, config: str) -> Failure | None:
        """Return when the model is ready, or why it is not."""
        ...

    async def unload(self, model: str) -> Failure | None:
        """Return why the model cannot be unloaded, if it cannot."""
        ...

    async def register(
        self, model: str, version: str, spec: Mapping[str, Any], actor: str, wait_s: float
    ) -> VersionState | Failure:
        """Add a version; return its state once it is ready, or after `wait_s` seconds; or why it is not."""
        ...


Uploads: TypeAlias = Callable[[Request, str, str], Awaitable[Response]]
"""Answers what is asked of a version, `/versions/{version}` of a model."""


class _Parameters(msgspec.Struct, frozen=True):
    config: str = ""


class _Load(msgspec.Struct, frozen=True):
    """The body of a load, which may be empty."""

    parameters: _Parameters = _Parameters()


class RepositoryRoom:
    """Everything below /v2/repository."""

    def __init__(self, desk: Desk, repository: Repository, uploads: Uploads) -> None:
        self._desk = desk
        self._repository = repository
        self._uploads = uploads

    async def __call__(self, request: Request, parts: list[str]) -> Response:
        """Return the answer; `parts` are those of the path after it."""
        if len(parts) == 4 and parts[0::2] == ["models", "versions"]:
            return await self._uploads(request, parts[1], parts[3])
        if request.method != "POST":
            return not_allowed("POST")
        if parts == ["index"]:
            return self._index(request)
        if len(parts) != 3 or parts[0] != "models" or parts[2] not in ("load", "unload"):
            return nothing_at(request.path)
        _, model, verb = parts
        permit = self._desk.access.admit(token_from(request.headers), model, control=True)
        if isinstance(permit, Failure):
            return refused(permit)
        with permit:
            load = self._load(model, request.body) if verb == "load" else self._repository.unload(model)
            failure = await load
        return Response(b"", 200, JSON) if failure is None else refused(failure)

    async def _load(self, model: str, body: bytes) -> Failure | None:
        try:
            config = msgspec.json.decode(body, type=_Load).parameters.config if body.strip() else ""
        except UNREADABLE as error:
            return malformed(error, body)
        return await self._repository.load(model, config)

    def _index(self, request: Request) -> Response:
        permit = self._desk.access.admit(token_from(request.headers), "")
        if isinstance(permit, Failure):
            return refused(permit)
        with permit:
            ready_only = oip_metadata.read_index(request.body)
            if isinstance(ready_only, Failure):
                return refused(ready_only)
            tables = (table for name, table in self._desk.catalogue.items() if permit.allows(name))
            return Response(oip_metadata.repository_index(tables, ready_only), 200, JSON)
