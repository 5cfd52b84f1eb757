"""The router process: `python -m pointsman.statefun.router_main`."""

from __future__ import annotations

import gc
import logging

import uvloop
from aiohttp import web

from pointsman import settings as settings_room
from pointsman.settings import Settings
from pointsman.statefun.router_fn import RouterFunction
from pointsman.statefun.server import FunctionServer


def router_app(settings: Settings) -> web.Application:
    """Return the application of a router process."""
    server = FunctionServer()
    server.bind("pointsman", "router", RouterFunction(settings))
    return server.app()


def main() -> None:
    """Serve the router until the process is told to stop."""
    settings = settings_room.load()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # A batch makes thousands of short-lived objects and no cycles: full collections cost more than they find.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvloop.install()
    web.run_app(router_app(settings), host=settings.host, port=settings.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
