"""The process that serves: `python -m pointsman.pod.worker package.module:function FD PARENT`."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import uvloop
from aiohttp import web

from pointsman import settings as settings_room
from pointsman.errors import SettingsError
from pointsman.pod.supervisor import BACKLOG, MISCONFIGURED
from pointsman.runtimes.orphan import die_with_parent
from pointsman.settings import Settings

log = logging.getLogger(__name__)

Build: TypeAlias = Callable[[Settings], web.Application]

DRAIN_S: Final = 10.0  # calls in flight may take this long to end

# An application may hold an event here; once it is set, the worker finishes its calls and is replaced.
RECYCLE: Final = web.AppKey("recycle", asyncio.Event)
RECYCLED: Final = os.EX_TEMPFAIL


async def serve(build: Build, settings: Settings, listener: socket.socket) -> int:
    """Serve the application until SIGTERM, SIGINT or its RECYCLE event; return the exit status.

    Then no connection is accepted any more, and calls in flight are answered, DRAIN_S seconds long at most.
    """
    app = build(settings)
    gc.freeze()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_S)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=BACKLOG).start()
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    recycle = app.get(RECYCLE) or asyncio.Event()
    waits = [asyncio.create_task(event.wait()) for event in (told, recycle)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await runner.cleanup()
    return 0 if told.is_set() else RECYCLED


def application(target: str) -> Build:
    """Return the function that `package.module:function` names; raises SettingsError."""
    module, _, name = target.partition(":")
    try:
        build: Build = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{target} is no application: {error}") from error
    return build


def main(arguments: Sequence[str]) -> None:
    """Serve on the inherited socket; end with the supervisor."""
    target, descriptor, parent = arguments
    die_with_parent(int(parent))
    try:
        settings = settings_room.load()
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        # A batch makes thousands of short-lived objects and no cycles: full collections find little.
        gc.set_threshold(50_000, 20, 100)
        status = uvloop.run(serve(application(target), settings, socket.socket(fileno=int(descriptor))))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there may be no log yet
        status = MISCONFIGURED
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a model that hangs in a thread must not keep the process.
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
