"""The door of /openapi.json: what the HTTP doors take and answer, for people and for tools."""

from __future__ import annotations

from importlib import resources

from pointsman.gateway.rest import JSON, READING, not_allowed, nothing_at
from pointsman.http.app import Request, Response


class Description:
    """Serves the document that lies beside this file."""

    def __init__(self) -> None:
        self._document = resources.files(__package__).joinpath("openapi.json").read_bytes()

    async def __call__(self, request: Request) -> Response:
        """Return the document."""
        if request.path != "/openapi.json":
            return nothing_at(request.path)
        return Response(self._document, 200, JSON) if request.method in READING else not_allowed("GET")
