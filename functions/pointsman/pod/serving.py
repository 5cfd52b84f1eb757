"""Serves an application on a socket until it is told to stop or asks to be replaced."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final, TypeAlias

from pointsman.errors import SettingsError
from pointsman.heap import keep_trimmed
from pointsman.http.app import App
from pointsman.http.server import Server
from pointsman.pod.supervisor import BACKLOG
from pointsman.settings import Settings

Build: TypeAlias = Callable[[Settings], App]

DRAIN_S: Final = 10.0  # calls in flight may take this long to end
RECYCLED: Final = os.EX_TEMPFAIL


async def serve(build: Build, settings: Settings, listener: socket.socket) -> int:
    """Serve the application until SIGTERM, SIGINT or its `recycle` event; return the exit status.

    Then no connection is accepted any more, and calls in flight are answered, DRAIN_S seconds long at most.
    """
    app = build(settings)
    gc.freeze()
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with AsyncExitStack() as lives:
        for lifetime in app.lifetimes:
            await lives.enter_async_context(lifetime())
        server = Server(app.handler, gather_s=app.gather_s, limits=app.limits, say=app.say)
        await server.start(listener, BACKLOG, app.tls)
        trimming = asyncio.create_task(keep_trimmed())
        waits = [asyncio.create_task(event.wait()) for event in (told, app.recycle)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in (trimming, *waits):
            task.cancel()
        server.stop_accepting()
        for farewell in app.farewells:
            await farewell()
        await server.drain(DRAIN_S)
    return 0 if told.is_set() else RECYCLED


def application(target: str) -> Build:
    """Return the function that `package.module:function` names; raises SettingsError."""
    module, _, name = target.partition(":")
    try:
        build: Build = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{target} is no application: {error}") from error
    return build
