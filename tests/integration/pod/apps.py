"""Applications for workers of the tests."""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading

from pointsman.http.app import App, Request, Response
from pointsman.runtimes.base import Key
from pointsman.runtimes.journal import Journal
from pointsman.settings import Settings

MODEL = Key("digits", "1", 1)


def answering(settings: Settings) -> App:
    """Tell the process id; answer slowly, die, stand still or ask for a new process as the path says."""

    async def who(request: Request) -> Response:
        match request.path:
            case "/slow":
                await asyncio.sleep(0.3)  # the work
            case "/heaps":
                return Response(os.environ["MALLOC_ARENA_MAX"].encode())
            case "/die":
                os._exit(9)
            case "/misconfigured":
                Journal(settings.journal).claim(MODEL).passing()
                os._exit(os.EX_CONFIG)
            case "/seize":
                Journal(settings.journal).claim(MODEL).passing()
                ctypes.PyDLL(None).pause()  # called without letting other threads run
            case "/recycle":
                threading.Thread(target=threading.Event().wait).start()  # hangs for ever
                app.recycle.set()
        return Response(str(os.getpid()).encode())

    app = App(who)
    return app


def misconfigured(_: Settings) -> App:
    """Refuse to be built."""
    from pointsman.errors import SettingsError

    raise SettingsError("no such thing")
