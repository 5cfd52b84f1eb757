"""TLS of the doors, from the settings: one check of the files for both, so both say the same."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from pointsman.errors import SettingsError
from pointsman.settings import Settings

HTTP_1: Final = ("http/1.1",)


@dataclass(frozen=True)
class Tls:
    """The PEM files' bytes, for gRPC, and the context of other servers.

    Clients need a certificate where `client_ca` is not None. gRPC takes TLS 1.2 at least by itself, as the
    context does.
    """

    key: bytes = field(repr=False)
    chain: bytes
    client_ca: bytes | None
    context: ssl.SSLContext


def tls_of(settings: Settings) -> Tls | None:
    """Return what the settings ask for; None: no TLS.

    Raises SettingsError naming the setting, the file and what is wrong with it.
    """
    if not is_wanted(settings):
        return None
    chain, key = _read("tls_cert", settings.tls_cert), _read("tls_key", settings.tls_key)
    _check_certificates("tls_cert", settings.tls_cert, chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # one connection could keep us busy with handshakes
    context.set_alpn_protocols(HTTP_1)
    _load_pair(context, settings)
    if not settings.tls_client_ca:
        return Tls(key, chain, None, context)
    client_ca = _read("tls_client_ca", settings.tls_client_ca)
    _check_certificates("tls_client_ca", settings.tls_client_ca, client_ca)
    context.load_verify_locations(cadata=client_ca.decode("ascii"))
    context.verify_mode = ssl.CERT_REQUIRED
    return Tls(key, chain, client_ca, context)


def is_wanted(settings: Settings) -> bool:
    """Return whether the settings ask for TLS. Raises SettingsError where they do so by half."""
    if settings.tls_cert and not settings.tls_key:
        raise SettingsError("tls_cert is set and tls_key is not; set it to the file of its private key")
    for name in ("tls_key", "tls_client_ca"):
        if getattr(settings, name) and not settings.tls_cert:
            raise SettingsError(f"{name} is set and tls_cert is not; set it to the certificate's file")
    return bool(settings.tls_cert)


def _read(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"{name} {path}: {os.strerror(error.errno or 0)}") from error


def _check_certificates(name: str, path: str, pem: bytes) -> None:
    """Raise SettingsError unless the file holds certificates and all of them can be read."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=pem.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
        raise SettingsError(f"{name} {path}: no certificates in PEM, or a damaged one") from error


def _load_pair(context: ssl.SSLContext, settings: Settings) -> None:
    def ask_nobody() -> NoReturn:
        # OpenSSL would ask the terminal, and a server would stand still.
        raise SettingsError(f"{about}: it has a passphrase; write it without one, as `openssl pkey` does")

    about = f"tls_key {settings.tls_key}"
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, ask_nobody)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(f"{about}: not the key of the certificate in {settings.tls_cert}") from error
        if error.reason and error.reason.startswith(("EE_KEY", "CA_KEY", "CA_MD")):
            raise SettingsError(f"tls_cert {settings.tls_cert}: its key or hash is too weak") from error
        raise SettingsError(f"{about}: no private key in PEM, or a damaged one") from error
    except OSError as error:
        raise SettingsError(f"{about}: {os.strerror(error.errno or 0)}") from error
