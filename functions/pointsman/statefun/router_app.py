"""The application of a router process; `pointsman.pod.supervisor` keeps it alive."""

from __future__ import annotations

from functools import partial
from typing import Final

from pointsman.http.app import App
from pointsman.settings import Settings
from pointsman.statefun.backlog_fn import BacklogFunction
from pointsman.statefun.claims import Claims
from pointsman.statefun.router_fn import RouterFunction
from pointsman.statefun.server import FunctionServer
from pointsman.statefun.window_fn import WindowFunction
from pointsman.stores.records import Cursor
from pointsman.stores.redis_blobs import RedisBlobs

# A call of the router that lays requests with references aside waits no longer for the store.
CALL_S: Final = 1.0


def router_app(settings: Settings) -> App:
    """Return the application that serves `pointsman/router` and the functions beside it."""
    blobs = RedisBlobs(settings.redis, CALL_S) if settings.redis else None
    server = FunctionServer()
    claims = Claims(blobs, settings.kept_bytes)
    server.bind("pointsman", "router", RouterFunction(settings, claims=claims))
    server.bind("pointsman", "window", WindowFunction(settings))
    backlog = BacklogFunction(partial(Cursor, settings.kafka))
    server.bind("pointsman", "backlog", backlog)
    app = server.app()
    app.lifetimes.append(backlog.lifetime)
    if blobs is not None:
        app.lifetimes.append(blobs.lifetime)
    return app
