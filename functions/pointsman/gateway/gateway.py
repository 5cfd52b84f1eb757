"""The application of a gateway process; `pointsman.pod.supervisor` keeps it alive."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from pointsman.gateway import rest
from pointsman.gateway.access import access_of
from pointsman.gateway.accounts import Accounts
from pointsman.gateway.cache import CachingPlane, seconds_of
from pointsman.gateway.catalogue import Catalogue
from pointsman.gateway.console import Console
from pointsman.gateway.desk import Desk
from pointsman.gateway.health import Health
from pointsman.gateway.oip import OipDoor
from pointsman.gateway.openapi import Description
from pointsman.gateway.plane import RouterPlane
from pointsman.gateway.repository import Repository
from pointsman.gateway.site import Door, Site
from pointsman.gateway.statistics import Statistics
from pointsman.gateway.tfs import TfsDoor
from pointsman.gateway.tls import Tls, tls_of
from pointsman.http.app import App
from pointsman.http.limits import Limits
from pointsman.settings import Settings

GRACE_S: Final = 10.0
_LOOK_S: Final = 0.1


def gateway_app(settings: Settings) -> App:
    """Return the application of a gateway process. Raises SettingsError."""
    access = access_of(settings.host, settings.keys, settings.open_access, time.monotonic_ns)
    tls = tls_of(settings)
    plane = RouterPlane(settings)
    catalogue = Catalogue(settings.kafka)
    repository = Repository(settings.kafka, catalogue)
    statistics = Statistics()
    kept = seconds_of(settings.answer_cache)
    caching = CachingPlane(plane, catalogue, kept, settings.answer_cache_bytes, statistics, time.monotonic_ns)
    desk = Desk(caching, catalogue, access, statistics)

    accounts = Accounts(desk, time.time_ns() // 1_000_000)

    def is_ready() -> bool:
        return plane.is_ready and catalogue.is_ready

    console = Console(catalogue, access, desk.meter, lambda: plane.in_flight, time.monotonic, os.getpid())
    doors: dict[str, Door] = {
        "": console,
        "console": console,
        "v1": TfsDoor(desk),
        "v2": OipDoor(desk, repository, is_ready),
        "health": Health(is_ready),
        "metrics": accounts.metrics,
        "usage": accounts.usage,
        "openapi.json": Description(),
    }
    site = Site(doors, settings.body_bytes)
    # Answers to callers of their own gain nothing from leaving together.
    limits = Limits.of_strangers(settings.body_bytes)
    app = App(site, gather_s=0, limits=limits, say=rest.said, tls=tls.context if tls else None)
    app.lifetimes += [catalogue.lifetime, repository.lifetime, plane.lifetime]
    if settings.grpc_port:
        app.lifetimes.append(lambda: _grpc(settings, desk, repository, tls, is_ready))
    return app


@contextlib.asynccontextmanager
async def _grpc(
    settings: Settings, desk: Desk, repository: Repository, tls: Tls | None, is_ready: Callable[[], bool]
) -> AsyncIterator[None]:
    """Serve gRPC while the application runs; workers share the port."""
    # Imported where it is served: an extra that a gateway without it need not have.
    from pointsman.gateway.grpc.repository import RepositoryControl
    from pointsman.gateway.grpc.server import Options, Server, grpc_server

    async def follow(server: Server) -> None:
        was_ready = True
        while True:
            if is_ready() is not was_ready:
                was_ready = not was_ready
                await server.set_ready(was_ready)
            await asyncio.sleep(_LOOK_S)

    options = Options(max_message_bytes=settings.body_bytes, share_port=True)
    address = f"{settings.host}:{settings.grpc_port}"
    control = RepositoryControl(repository)
    server = await grpc_server(desk, address, options=options, control=control, tls=tls)
    following = asyncio.create_task(follow(server))
    try:
        yield
    finally:
        following.cancel()
        await server.stop(GRACE_S)
