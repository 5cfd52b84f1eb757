"""What both HTTP clients ask of httpx: an address, and why a connection failed."""

from __future__ import annotations

import ssl
from typing import Final, TypeAlias

import httpx

from pointsman.client.credentials import PemFile, roots_of
from pointsman.client.http_core import HttpRequest
from pointsman.client.insistence import Late, Send, Setback
from pointsman.client.setbacks import cut_off, nobody, untrusted
from pointsman.errors import ClientError, SettingsError

# True: the usual roots; False: no check, for trials; a path: the PEM file of the roots to trust.
Verify: TypeAlias = bool | PemFile | ssl.SSLContext

_MOST_PORT: Final = 65_535
# As many stay open as there may be: to close and open them anew costs more than to keep them.
LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=100)


def trust_of(verify: Verify) -> bool | ssl.SSLContext:
    """Return the form that httpx takes. Raises SettingsError for a file of roots that cannot be read."""
    return verify if isinstance(verify, bool | ssl.SSLContext) else roots_of(verify)


class HttpLine:
    """Requests to one server, and what their exceptions come to."""

    def __init__(self, url: str) -> None:
        self._base = _base_of(url)
        self._where = f"{self._base.scheme}://{self._base.netloc.decode()}"

    def request(self, step: Send[HttpRequest]) -> httpx.Request:
        """Return the request as httpx sends it; each of its waits is at most the step's time."""
        method, path, headers, body = step.request
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path)
        timeout = httpx.Timeout(step.timeout).as_dict()
        return httpx.Request(method, url, headers=headers, content=body, extensions={"timeout": timeout})

    def setback(self, error: httpx.HTTPError, *, has_begun: bool) -> Setback | Late:
        """Return what an exception of httpx comes to. `has_begun`: the answer's head was there."""
        if isinstance(error, httpx.TimeoutException):
            return Late()
        reason = str(error) or type(error).__name__
        if has_begun:
            return Setback(ClientError(f"the answer of {self._where} broke off: {reason}"))
        if (refusal := _refusal(error)) is not None:
            return untrusted(self._where, refusal)
        if isinstance(error, httpx.ConnectError):
            return nobody(self._where, reason)
        is_cut = isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)
        return cut_off(self._where, reason, retryable=is_cut)


def _base_of(url: str) -> httpx.URL:
    """Return the server's URL. Raises SettingsError, which does not repeat it: it may hold a password."""
    try:
        base = httpx.URL(url)
        base.host.encode("idna")  # else only the look-up of the name would notice
    except (httpx.InvalidURL, UnicodeError):
        base = httpx.URL()
    has_more = base.userinfo or base.query or base.fragment or (base.port or 0) > _MOST_PORT
    if base.scheme not in ("http", "https") or not base.host or has_more:
        raise SettingsError(
            "the URL of a gateway is http://HOST:PORT or https://HOST:PORT, perhaps with a path"
        )
    return base


def _refusal(error: BaseException) -> str | None:
    """Return why a certificate was refused, None where that is not the reason."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None
