"""The repository of the Open Inference Protocol: what is there, load it, unload it."""

from __future__ import annotations

from typing import Protocol

from pointsman.errors import Failure
from pointsman.gateway.access import token_from
from pointsman.gateway.desk import Desk
from pointsman.gateway.rest import JSON, not_allowed, nothing_at, refused
from pointsman.http.app import Request, Response
from pointsman.wire import oip_metadata


class Repository(Protocol):
    """Loads and unloads models, as commands to the job."""

    async def load(self, model: str, body: bytes) -> Failure | None:
        """Return when the model is ready, or why it is not."""
        ...

    async def unload(self, model: str, body: bytes) -> Failure | None:
        """Return when the model takes no requests any more, or why it does."""
        ...


class RepositoryRoom:
    """Everything below /v2/repository."""

    def __init__(self, desk: Desk, repository: Repository) -> None:
        self._desk = desk
        self._repository = repository

    async def __call__(self, request: Request, parts: list[str]) -> Response:
        """Return the answer; `parts` are those of the path after it."""
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
            act = self._repository.load if verb == "load" else self._repository.unload
            failure = await act(model, request.body)
        return Response(b"", 200, JSON) if failure is None else refused(failure)

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
