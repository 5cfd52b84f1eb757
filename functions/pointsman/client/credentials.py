"""Whom a client trusts and who it is itself: PEM files, checked before anything is sent."""

from __future__ import annotations

import os
import ssl
from typing import NoReturn, TypeAlias

from pointsman.errors import SettingsError

PemFile: TypeAlias = str | os.PathLike[str]


def roots_of(verify: PemFile) -> ssl.SSLContext:
    """Return a context that trusts the roots in the file. Raises SettingsError where it cannot be read."""
    try:
        return ssl.create_default_context(cafile=verify)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or "it is no PEM file of certificates"
        raise SettingsError(f"verify: {os.fspath(verify)}: {reason}") from error


def check_pair(chain: PemFile, key: PemFile) -> None:
    """Raise SettingsError unless the files are a certificate and its private key, without a passphrase."""

    def ask_nobody() -> NoReturn:
        # OpenSSL would ask the terminal, and the program would stand still.
        raise SettingsError(f"certificate: {os.fspath(key)}: it has a passphrase; write it without one")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(chain, key, ask_nobody)
    except OSError as error:
        both = f"{os.fspath(chain)}, {os.fspath(key)}"
        reason = os.strerror(error.errno) if not isinstance(error, ssl.SSLError) and error.errno else ""
        said = reason or "not a certificate and its private key, in PEM"
        raise SettingsError(f"certificate: {both}: {said}") from error
