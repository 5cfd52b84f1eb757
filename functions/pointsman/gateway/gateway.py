"""The application of a gateway process; `pointsman.pod.supervisor` keeps it alive."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

from pointsman.errors import SettingsError
from pointsman.gateway import rest
from pointsman.gateway.access import access_of
from pointsman.gateway.accounts import Accounts
from pointsman.gateway.cache import CachingPlane, seconds_of
from pointsman.gateway.catalogue import Catalogue
from pointsman.gateway.certificates import certificates_of
from pointsman.gateway.console import Console
from pointsman.gateway.depot import depot_of
from pointsman.gateway.desk import Bounds, Desk
from pointsman.gateway.exposure import is_loopback
from pointsman.gateway.health import Health
from pointsman.gateway.oip import OipDoor
from pointsman.gateway.openapi import Description
from pointsman.gateway.origin import OwnPages
from pointsman.gateway.plane import RouterPlane
from pointsman.gateway.repository import Repository
from pointsman.gateway.site import Door, Site, admit_all
from pointsman.gateway.statistics import Statistics
from pointsman.gateway.tfs import TfsDoor
from pointsman.http.app import App
from pointsman.http.limits import Limits
from pointsman.settings import Settings

# Meanwhile connections wait at the socket, or go to the other processes that listen on it.
READY_S: Final = 10.0
_LOOK_S: Final = 0.02


def gateway_app(settings: Settings) -> App:
    """Return the application of a gateway process. Raises SettingsError."""
    _check_room(settings)
    access = access_of(settings.host, settings.keys, settings.open_access, time.monotonic_ns)
    tls = certificates_of(settings)
    plane = RouterPlane(settings)
    catalogue = Catalogue(settings.kafka)
    repository = Repository(settings.kafka, catalogue)
    depot = depot_of(settings)
    statistics = Statistics()
    kept = seconds_of(settings.answer_cache)
    caching = CachingPlane(plane, catalogue, kept, settings.answer_cache_bytes, statistics, time.monotonic_ns)
    bounds = Bounds(settings.body_bytes, settings.json_bytes)
    desk = Desk(caching, catalogue, access, statistics, bounds, lambda: catalogue.is_ready)

    accounts = Accounts(desk, time.time_ns() // 1_000_000)

    leaving = asyncio.Event()

    def is_ready() -> bool:
        return plane.is_ready and catalogue.is_ready and not leaving.is_set()

    async def leave() -> None:
        leaving.set()

    console = Console(catalogue, access, desk.meter, lambda: plane.in_flight, time.monotonic, os.getpid())
    doors: dict[str, Door] = {
        "": console,
        "console": console,
        "v1": TfsDoor(desk),
        "v2": OipDoor(desk, repository, depot, is_ready),
        "health": Health(is_ready),
        "metrics": accounts.metrics,
        "usage": accounts.usage,
        "openapi.json": Description(),
    }
    guard = OwnPages(on_loopback=is_loopback(settings.host)) if access.is_open else admit_all
    site = Site(doors, guard)
    # Answers to callers of their own gain nothing from leaving together.
    limits = Limits.of_strangers(settings.body_bytes, settings.bodies_bytes)
    app = App(site, gather_s=0, limits=limits, say=rest.said, tls=tls.context if tls else None)
    app.lifetimes += [catalogue.lifetime, repository.lifetime, depot.lifetime, plane.lifetime]
    app.lifetimes.append(partial(_awaited, is_ready))
    app.farewells.append(leave)
    if settings.grpc_port:
        # Imported where it is served: an extra that a gateway without it need not have.
        from pointsman.gateway.grpc.port import Port

        port = Port(settings, desk, repository, tls, is_ready)
        app.lifetimes.append(port.lifetime)
        app.farewells.append(port.leave)
    return app


def _check_room(settings: Settings) -> None:
    """Raise SettingsError where a body may be so large that there is never room for it."""
    if settings.bodies_bytes < 2 * settings.body_bytes:
        raise SettingsError(
            f"bodies_bytes is {settings.bodies_bytes}; it must be at least twice body_bytes, "
            f"{settings.body_bytes}: a packed body is held beside what it unpacks to"
        )


@contextlib.asynccontextmanager
async def _awaited(is_ready: Callable[[], bool]) -> AsyncIterator[None]:
    """Let nobody in before requests can be answered; but probes at last, where there is no broker."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_S):
            while not is_ready():
                await asyncio.sleep(_LOOK_S)
    yield
