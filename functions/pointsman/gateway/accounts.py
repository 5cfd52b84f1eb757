"""The doors of the counts: /metrics for collectors, /usage for whoever writes the bill."""

from __future__ import annotations

from collections.abc import Callable

from pointsman.errors import Failure
from pointsman.gateway.access import token_from
from pointsman.gateway.desk import Desk
from pointsman.gateway.rest import JSON, READING, not_allowed, nothing_at, refused
from pointsman.gateway.usage import Tally, to_json, to_openmetrics
from pointsman.http.app import Request, Response
from pointsman.wire.openmetrics import CONTENT_TYPE


class Accounts:
    """Totals of this process since it started. A key sees its own, one that may control all keys'."""

    def __init__(self, desk: Desk, since_ms: int) -> None:
        self._desk = desk
        self._since_ms = since_ms

    async def metrics(self, request: Request) -> Response:
        """Return the totals in the text form of OpenMetrics."""
        return self._told(request, "/metrics", CONTENT_TYPE, to_openmetrics)

    async def usage(self, request: Request) -> Response:
        """Return the totals as JSON."""
        return self._told(request, "/usage", JSON, lambda tallies: to_json(tallies, self._since_ms))

    def _told(
        self, request: Request, path: str, content_type: str, write: Callable[[list[Tally]], bytes]
    ) -> Response:
        if request.path != path:
            return nothing_at(request.path)
        if request.method not in READING:
            return not_allowed("GET")
        permit = self._desk.access.admit(token_from(request.headers), "")
        if isinstance(permit, Failure):
            return refused(permit)
        with permit:
            seen = [one for one in self._desk.usage.snapshot() if permit.sees(one.key)]
        return Response(write(seen), 200, content_type)
