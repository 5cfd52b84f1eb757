"""The application of a router process; `pointsman.pod.supervisor` keeps it alive."""

from __future__ import annotations

from pointsman.http.app import App
from pointsman.settings import Settings
from pointsman.statefun.router_fn import RouterFunction
from pointsman.statefun.server import FunctionServer
from pointsman.statefun.window_fn import WindowFunction


def router_app(settings: Settings) -> App:
    """Return the application that serves `pointsman/router` and `pointsman/window`."""
    server = FunctionServer()
    server.bind("pointsman", "router", RouterFunction(settings))
    server.bind("pointsman", "window", WindowFunction(settings))
    return server.app()
