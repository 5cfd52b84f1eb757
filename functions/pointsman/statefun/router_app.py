"""The application of a router process; `pointsman.pod.supervisor` keeps it alive."""

from __future__ import annotations

from functools import partial

from pointsman.http.app import App
from pointsman.settings import Settings
from pointsman.statefun.backlog_fn import BacklogFunction
from pointsman.statefun.router_fn import RouterFunction
from pointsman.statefun.server import FunctionServer
from pointsman.stores.records import Cursor


def router_app(settings: Settings) -> App:
    """Return the application that serves `pointsman/router` and `pointsman/backlog`."""
    server = FunctionServer()
    server.bind("pointsman", "router", RouterFunction(settings))
    backlog = BacklogFunction(partial(Cursor, settings.kafka))
    server.bind("pointsman", "backlog", backlog)
    app = server.app()
    app.lifetimes.append(backlog.lifetime)
    return app
