"""Applications for workers of the tests."""

from __future__ import annotations

import asyncio
import os
import threading

from aiohttp import web

from pointsman.pod.serving import RECYCLE
from pointsman.settings import Settings


def answering(_: Settings) -> web.Application:
    """Tell the process id; answer slowly, die or ask for a new process where the path says so."""
    app = web.Application()
    recycle = app[RECYCLE] = asyncio.Event()

    async def who(request: web.Request) -> web.Response:
        match request.match_info["what"]:
            case "slow":
                await asyncio.sleep(0.3)  # the work
            case "die":
                os._exit(9)
            case "recycle":
                threading.Thread(target=threading.Event().wait).start()  # hangs for ever
                recycle.set()
        return web.Response(text=str(os.getpid()))

    app.router.add_get("/{what:.*}", who)
    return app


def misconfigured(_: Settings) -> web.Application:
    """Refuse to be built."""
    from pointsman.errors import SettingsError

    raise SettingsError("no such thing")
