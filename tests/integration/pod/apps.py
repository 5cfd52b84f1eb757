"""Applications for workers of the tests."""

from __future__ import annotations

import asyncio
import os
import threading

from pointsman.http.app import App, Request, Response
from pointsman.settings import Settings


def answering(_: Settings) -> App:
    """Tell the process id; answer slowly, die or ask for a new process where the path says so."""

    async def who(request: Request) -> Response:
        match request.path:
            case "/slow":
                await asyncio.sleep(0.3)  # the work
            case "/die":
                os._exit(9)
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
