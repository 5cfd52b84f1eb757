"""The application of a gateway process; `pointsman.pod.supervisor` keeps it alive."""

from __future__ import annotations

import os
import time

from pointsman.gateway.access import access_of
from pointsman.gateway.catalogue import Catalogue
from pointsman.gateway.console import Console
from pointsman.gateway.desk import Desk
from pointsman.gateway.health import Health
from pointsman.gateway.measured import Measured
from pointsman.gateway.meter import Meter
from pointsman.gateway.oip import OipDoor
from pointsman.gateway.plane import RouterPlane
from pointsman.gateway.repository import Repository
from pointsman.gateway.site import Door, Site
from pointsman.gateway.tfs import TfsDoor
from pointsman.gateway.tls import tls_of
from pointsman.gateway.usage import Usage
from pointsman.http.app import App
from pointsman.settings import Settings


def gateway_app(settings: Settings) -> App:
    """Return the application of a gateway process. Raises SettingsError."""
    access = access_of(settings.host, settings.keys, settings.open_access, time.monotonic_ns)
    tls = tls_of(settings)
    plane = RouterPlane(settings)
    catalogue = Catalogue(settings.kafka)
    repository = Repository(settings.kafka, catalogue)
    meter = Meter(catalogue, time.monotonic, time.time_ns() // 1_000_000)
    measured = Measured(plane, meter, time.monotonic)
    desk = Desk(measured, catalogue, access, Usage(catalogue.__contains__))

    def is_ready() -> bool:
        return plane.is_ready and catalogue.is_ready

    console = Console(catalogue, access, meter, lambda: plane.in_flight, time.monotonic, os.getpid())
    doors: dict[str, Door] = {
        "": console,
        "console": console,
        "v1": TfsDoor(desk),
        "v2": OipDoor(desk, repository, is_ready),
        "health": Health(is_ready),
    }
    # Answers to callers of their own gain nothing from leaving together.
    site = Site(doors, settings.body_bytes)
    app = App(site, gather_s=0, most_body=settings.body_bytes, tls=tls.context if tls else None)
    app.lifetimes += [catalogue.lifetime, repository.lifetime, plane.lifetime]
    return app
