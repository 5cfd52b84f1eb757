"""Whose page a browser sends a request for, where no key tells who asks."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from pointsman.errors import PERMISSION_DENIED, Failure
from pointsman.gateway.exposure import is_loopback
from pointsman.http.app import Request

_FOREIGN = Failure(PERMISSION_DENIED, "pages of other origins may not ask a gateway without keys", "Origin")
_NAME = Failure(PERMISSION_DENIED, "a gateway without keys answers to loopback addresses alone", "Host")


class OwnPages:
    """Refuses what pages of other origins make a browser send, for a gateway that asks nobody for a key.

    A browser lets any page send a POST, and with a name that leads to this machine read the answer as well.
    `on_loopback`: only such names and addresses are ours.
    """

    def __init__(self, *, on_loopback: bool) -> None:
        self._on_loopback = on_loopback

    def __call__(self, request: Request) -> Failure | None:
        """Return why the request is refused, if it is."""
        host = request.headers.get("host", "")
        origin = request.headers.get("origin")
        if origin is not None and _netloc(origin) != host.lower():
            return _FOREIGN
        return _NAME if self._on_loopback and not _is_ours(host) else None


@lru_cache(maxsize=64)  # callers send few different ones, each with every request
def _is_ours(host: str) -> bool:
    return not host or is_loopback(_hostname(host))


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
