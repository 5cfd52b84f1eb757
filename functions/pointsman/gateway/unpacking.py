"""Bodies unpacked beside the event loop, a few at a time, within what the server may hold."""

from __future__ import annotations

import asyncio
from typing import Final

from pointsman.errors import OUT_OF_RANGE, UNAVAILABLE, Failure
from pointsman.gateway.encoding import MOST_TIMES, is_packed, unpacked
from pointsman.http.app import Request
from pointsman.http.budget import NO_ROOM, SMALL

# Each holds the most that it may become, a thousand times what came, until it is known what it is: more at
# once would refuse each other on an idle server.
AT_ONCE: Final = 4


class Unpacking:
    """Unpacks bodies to at most `most` bytes. Belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def body_of(self, request: Request) -> bytes | Failure:
        """Return the body of a request as it was before its Content-Encoding."""
        packing = request.headers.get("content-encoding", "")
        if not is_packed(packing):
            return request.body
        async with self._turn:
            return await self._unpacked(request, packing)

    async def _unpacked(self, request: Request, packing: str) -> bytes | Failure:
        """Unpack a body; one for which there is no room as long as it stays small, for such need none."""
        packed = len(request.body)
        has_room = request.hold.resize(packed + min(self._most, packed * MOST_TIMES))
        free = self._most if has_room else max(0, SMALL - packed)
        body = await asyncio.to_thread(unpacked, request.body, packing, free)
        if isinstance(body, Failure):
            is_full = body.code == OUT_OF_RANGE and not has_room
            return Failure(UNAVAILABLE, NO_ROOM) if is_full else body
        request.hold.resize(packed + len(body))
        return body
