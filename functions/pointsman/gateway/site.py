"""What a gateway answers over HTTP: finds the door for a path, packs answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from pointsman.errors import Failure
from pointsman.gateway import encoding
from pointsman.gateway.rest import BINARY, JSON, nothing_at, refused
from pointsman.http.app import Request, Response

log = logging.getLogger(__name__)

_BROKEN: Final = b'{"error":"the gateway could not handle this request"}'

# To pack more takes longer than a turn of the event loop may.
_LONG_BYTES: Final = 100_000

Guard: TypeAlias = Callable[[Request], Failure | None]
Door: TypeAlias = Callable[[Request], Awaitable[Response]]


def admit_all(_: Request) -> None:
    """Let every request pass."""


class Site:
    """Doors by the first part of a path, behind a guard. What they raise is logged, and told to nobody."""

    def __init__(self, doors: Mapping[str, Door], guard: Guard = admit_all) -> None:
        self._doors = doors
        self._guard = guard

    async def __call__(self, request: Request) -> Response:
        """Return the answer."""
        door = self._doors.get(request.path.partition("/")[2].partition("/")[0].lower())
        if door is None:
            return nothing_at(request.path)
        failure = self._guard(request)
        if failure is not None:
            return refused(failure)
        try:
            response = await door(request)
        except Exception:
            log.exception("%s %s broke", request.method, request.path)
            return Response(_BROKEN, 500, JSON)
        if len(response.body) >= encoding.WORTH_BYTES and "accept-encoding" in request.headers:
            return await _packed(response, encoding.choice(request.headers["accept-encoding"]))
        return response


async def _packed(response: Response, how: str) -> Response:
    if not how or response.content_type == BINARY:  # numbers hardly shrink
        return response
    headers = (*response.headers, ("Content-Encoding", how), ("Vary", "Accept-Encoding"))
    if len(response.body) > _LONG_BYTES:
        body = await asyncio.to_thread(encoding.packed, response.body, how)
    else:
        body = encoding.packed(response.body, how)
    return response._replace(body=body, headers=headers)
