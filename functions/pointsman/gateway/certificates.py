"""The TLS of a running gateway follows its files: a renewed certificate needs no restart."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from pointsman.gateway.followed import Followed
from pointsman.gateway.tls import Tls, is_wanted, tls_of
from pointsman.settings import Settings


class Certificates:
    """What new connections get; those there are keep what they have. Threads may share it."""

    def __init__(self, settings: Settings, clock_ns: Callable[[], int]) -> None:
        """Read the files that the settings name. Raises SettingsError as `tls_of` does."""
        names = (settings.tls_cert, settings.tls_key, settings.tls_client_ca)

        def read() -> Tls:
            tls = tls_of(settings)
            assert tls is not None, "the settings name no certificate"
            return tls

        paths = [Path(name) for name in names if name]
        self._followed = Followed(paths, read, lambda _: "certificate and its key", clock_ns)
        self.context: ssl.SSLContext = _Newest(self.newest)
        """The context of a server; its connections get the newest."""

    def newest(self) -> Tls:
        """Return what the files say, as far as they can be used."""
        return self._followed.newest()


class _Newest(ssl.SSLContext):
    """Makes each connection with the context of its time.

    So a session ends with its certificate and roots. One context that is changed would go on resuming
    sessions of clients whose root is not among them any more, and ask nobody.
    """

    def __new__(cls, _newest: Callable[[], Tls]) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, newest: Callable[[], Tls]) -> None:
        self._newest = newest

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        """Return a connection."""
        return self._newest().context.wrap_bio(*arguments, **options)


def certificates_of(
    settings: Settings, clock_ns: Callable[[], int] = time.monotonic_ns
) -> Certificates | None:
    """Return the certificates that the settings name; None: no TLS. Raises SettingsError as `tls_of` does."""
    return Certificates(settings, clock_ns) if is_wanted(settings) else None
