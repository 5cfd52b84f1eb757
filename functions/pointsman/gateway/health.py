"""Probes: whether the gateway lives, and whether it can have requests answered."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pointsman.gateway.rest import JSON, nothing_at
from pointsman.http.app import Request, Response


class Health:
    """The door of /health/live and /health/ready, as router and pods have them."""

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready

    async def __call__(self, request: Request) -> Response:
        """Return 200, or 503 while it is not ready."""
        probe = request.path.removeprefix("/health/")
        if probe not in ("live", "ready"):
            return nothing_at(request.path)
        is_well = probe == "live" or self._is_ready()
        return Response(msgspec.json.encode({probe: is_well}), 200 if is_well else 503, JSON)
