"""The door of the page at / and of what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Final

import msgspec

import pointsman
from pointsman.core.table import RouteTable
from pointsman.errors import Failure
from pointsman.gateway.access import Access, token_from
from pointsman.gateway.console_state import ModelView, models_of, unknown_rate
from pointsman.gateway.meter import Meter
from pointsman.gateway.rest import JSON, READING, not_allowed, nothing_at, refused
from pointsman.http.app import Request, Response

FILES: Final = {
    "index.html": "text/html; charset=utf-8",
    "console.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "console.js": "text/javascript; charset=utf-8",
    "table.js": "text/javascript; charset=utf-8",
    "sparkline.js": "text/javascript; charset=utf-8",
    "trial.js": "text/javascript; charset=utf-8",
    "json.js": "text/javascript; charset=utf-8",
    "dom.js": "text/javascript; charset=utf-8",
}

# Nothing from elsewhere, nothing inline, and no string becomes markup, whatever a model is called.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_GUARDS: Final = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-cache"),
    ("Vary", "Accept"),
)
_UNSAVED: Final = (("Cache-Control", "no-store"), ("Vary", "Authorization, X-Api-Key"))
# What KServe's clients of version 1 look for at /; a browser says that it wants HTML.
_ALIVE: Final = Response(b'{"status":"alive"}', 200, JSON, (("Vary", "Accept"),))
# Several who look at once are shown the same.
_FRESH_S: Final = 0.5


class Console:
    """Serves the page to everybody, and what there is to see to whoever may ask.

    `process` names this process among those behind one address: each measures what came to itself. `clock` is
    monotonic, in seconds.
    """

    def __init__(
        self,
        tables: Mapping[str, RouteTable],
        access: Access,
        meter: Meter,
        in_flight: Callable[[], int],
        clock: Callable[[], float],
        process: int = 0,
    ) -> None:
        self._tables = tables
        self._access = access
        self._meter = meter
        self._in_flight = in_flight
        self._clock = clock
        self._process = process
        self._files = {("/console/" + name): _file(name) for name in FILES}
        self._files["/"] = self._files.pop("/console/index.html")
        self._models: list[ModelView] = []
        self._unknown_rate = 0.0
        self._fresh_until = float("-inf")

    async def __call__(self, request: Request) -> Response:
        """Return the page, one of its files, or the state as JSON; who wants no page is told that we live."""
        file = self._files.get(request.path)
        if file is None and request.path != "/console/state":
            return nothing_at(request.path)
        if request.method not in READING:
            return not_allowed("GET")
        if request.path == "/" and "text/html" not in request.headers.get("accept", ""):
            return _ALIVE
        return file or self._state(request)

    def _state(self, request: Request) -> Response:
        permit = self._access.admit(token_from(request.headers), "")
        if isinstance(permit, Failure):
            return refused(permit)
        with permit:
            self._refresh()
            gateway = {
                "release": pointsman.__version__,
                "process": self._process,
                "uptime_s": round(self._meter.uptime_s, 1),
                "in_flight": self._in_flight(),
                "unknown_rate": self._unknown_rate,
            }
            models = [model for model in self._models if permit.allows(model.model)]
        return Response(msgspec.json.encode({"gateway": gateway, "models": models}), 200, JSON, _UNSAVED)

    def _refresh(self) -> None:
        now = self._clock()
        if now >= self._fresh_until:
            self._models = models_of(self._tables, self._meter)
            self._unknown_rate = unknown_rate(self._meter)
            self._fresh_until = now + _FRESH_S


def _file(name: str) -> Response:
    body = resources.files("pointsman.gateway").joinpath("page", name).read_bytes()
    return Response(body, 200, FILES[name], _GUARDS)
