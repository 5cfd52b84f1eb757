"""The gRPC doors as a part of the gateway's process: they come, say whether they are ready, and go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from pointsman.gateway.certificates import Certificates
from pointsman.gateway.desk import Desk
from pointsman.gateway.grpc.repository import RepositoryControl
from pointsman.gateway.grpc.server import Options, Server, grpc_server
from pointsman.gateway.oip_repository import Repository
from pointsman.settings import Settings

GRACE_S: Final = 10.0
_LOOK_S: Final = 0.1


class Port:
    """Serves on the settings' gRPC port, which the workers of a gateway share."""

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        repository: Repository,
        tls: Certificates | None,
        is_ready: Callable[[], bool],
    ) -> None:
        self._options = Options(
            max_message_bytes=settings.body_bytes,
            max_held_bytes=settings.bodies_bytes,
            share_port=True,
        )
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self._address = f"{host}:{settings.grpc_port}"
        self._desk = desk
        self._control = RepositoryControl(repository)
        self._tls = tls
        self._is_ready = is_ready
        self._server: Server | None = None
        self._stopping: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def lifetime(self) -> AsyncIterator[None]:
        """Serve while the application runs."""
        server = self._server = await grpc_server(
            self._desk, self._address, options=self._options, control=self._control, tls=self._tls
        )
        following = asyncio.create_task(self._follow(server))
        try:
            yield
        finally:
            following.cancel()
            await (self._stopping or server.stop(GRACE_S))

    async def leave(self) -> None:
        """Take no new calls and let those under way end, while other doors do the same."""
        if self._server is not None and self._stopping is None:
            self._stopping = asyncio.create_task(self._server.stop(GRACE_S))

    async def _follow(self, server: Server) -> None:
        was_ready = True
        while self._stopping is None:
            if self._is_ready() is not was_ready:
                was_ready = not was_ready
                await server.set_ready(was_ready)
            await asyncio.sleep(_LOOK_S)
