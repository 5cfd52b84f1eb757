"""An application of a function process: what it answers, and what happens around its life."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, TypeAlias

from pointsman.http.budget import UNBOUNDED, Hold
from pointsman.http.gathering import GATHER_S
from pointsman.http.limits import OUR_OWN, Limits


class Request(NamedTuple):
    """One request, read whole. Names of headers are in lower case; repeated ones are joined by commas.

    Who makes more of the body than it was, `hold`s more: it ends with the request.
    """

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = {}
    query: str = ""
    hold: Hold = UNBOUNDED


class Response(NamedTuple):
    """One answer. Control characters in `headers` are left out when they are written."""

    body: bytes
    status: int = 200
    content_type: str = "application/octet-stream"
    headers: tuple[tuple[str, str], ...] = ()


Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Say: TypeAlias = Callable[[int, str], Response]


def plainly(status: int, text: str) -> Response:
    """Return the text as an answer."""
    return Response(f"{text}\n".encode(), status, "text/plain")


class App:
    """A handler, and hooks around it.

    `lifetimes` are entered before the first request and left after the last one. `farewells` are awaited when
    the process is about to stop, while calls are still in flight. Whoever sets `recycle` asks for a new
    process once the calls in flight are answered. `say` puts into form what a connection itself answers, with
    a status of 400 or more. The rest is as of `Server`.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        gather_s: float = GATHER_S,
        limits: Limits = OUR_OWN,
        say: Say = plainly,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.handler = handler
        self.gather_s = gather_s
        self.limits = limits
        self.say = say
        self.tls = tls
        self.recycle = asyncio.Event()
        self.lifetimes: list[Callable[[], AbstractAsyncContextManager[None]]] = []
        self.farewells: list[Callable[[], Awaitable[None]]] = []
