"""What both gRPC clients ask of the library: a channel, and why a call failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import grpc

from pointsman.client.credentials import PemFile, check_pair, roots_of
from pointsman.client.grpc_answer import Status, setback_of
from pointsman.client.headers import COMPRESSION, bearer_of, key_of
from pointsman.client.insistence import FIRST_S, MOST_S, Late, Setback
from pointsman.errors import ClientError, SettingsError, TimedOut

# True: the roots that come with gRPC; a path: the PEM file of the roots to trust. gRPC always checks.
Roots: TypeAlias = Literal[True] | PemFile
# The PEM files of a client's certificate and its private key.
Pair: TypeAlias = tuple[PemFile, PemFile]

_COMPRESSIONS: Final = {
    "": None,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}
_OPTIONS: Final = (
    # A server that is away for a moment is found again as soon as we ask again; gRPC would wait for minutes.
    ("grpc.initial_reconnect_backoff_ms", round(FIRST_S * 1000)),
    ("grpc.max_reconnect_backoff_ms", round(MOST_S * 1000)),
    # Each client has a connection of its own: gateways that share a port share the clients.
    ("grpc.use_local_subchannel_pool", 1),
    # A server that vanished without a word ends a silent stream too.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
)
_URL: Final = "the URL of a gateway is grpc://HOST:PORT or grpcs://HOST:PORT"


class Access(NamedTuple):
    """Whom a client trusts, who it is, and how it packs."""

    key: str | None
    verify: Roots
    certificate: Pair | None
    compression: str
    answer_bytes: int | None


class GrpcLine:
    """Calls to one server, and what their exceptions come to."""

    def __init__(self, url: str, access: Access) -> None:
        is_secure, self._address = _address_of(url)
        self._where = f"{'grpcs' if is_secure else 'grpc'}://{self._address}"
        self._credentials = _credentials(access, is_secure)
        self._compression = _compression(access.compression)
        most = -1 if access.answer_bytes is None else access.answer_bytes
        self._options = (*_OPTIONS, ("grpc.max_receive_message_length", most))
        packed = {COMPRESSION: access.compression} if access.compression else {}
        self.metadata = tuple({**bearer_of(key_of(access.key)), **packed}.items())

    def channel(self, library: Any) -> Any:
        """Return a channel of `library`, which is grpc or grpc.aio."""
        more = {"options": self._options, "compression": self._compression}
        target = f"dns:///{self._address}"  # a host may have the name of a scheme
        if self._credentials is None:
            return library.insecure_channel(target, **more)
        return library.secure_channel(target, self._credentials, **more)

    def setback(self, error: Any) -> Setback | Late:
        """Return what a grpc.RpcError comes to."""
        status = Status(error.code().name, error.details() or "", dict(error.trailing_metadata() or ()))
        return setback_of(status, self._where)

    def broken(self, error: Any) -> ClientError:
        """Return why a stream ended with a grpc.RpcError."""
        came = self.setback(error)
        return came.error if isinstance(came, Setback) else TimedOut(f"{self._where} gave up the stream")


def _address_of(url: str) -> tuple[bool, str]:
    """Return whether the URL means TLS, and HOST:PORT.

    Raises SettingsError, which does not repeat the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")  # else only the look-up of the name would notice
    except ValueError:  # UnicodeError is one
        raise SettingsError(_URL) from None
    has_more = "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in ("grpc", "grpcs") or not host or not port or has_more:
        raise SettingsError(_URL)
    return parts.scheme == "grpcs", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _credentials(access: Access, is_secure: bool) -> Any:
    """Return the library's credentials, None where there is to be no TLS. Raises SettingsError."""
    if not is_secure:
        if access.certificate is not None or not isinstance(access.verify, bool):
            raise SettingsError("verify, certificate: there is no TLS over grpc://; write grpcs://")
        return None
    roots = chain = key = None
    if isinstance(access.verify, bool):
        if not access.verify:
            raise SettingsError("verify: gRPC checks certificates always; name the file of the root")
    else:
        roots_of(access.verify)
        roots = Path(access.verify).read_bytes()
    if access.certificate is not None:
        check_pair(*access.certificate)
        chain, key = (Path(file).read_bytes() for file in access.certificate)
    return grpc.ssl_channel_credentials(roots, key, chain)


def _compression(name: str) -> Any:
    if name not in _COMPRESSIONS:
        raise SettingsError(f"compression is {name[:40]!r}; it must be gzip, deflate or nothing")
    return _COMPRESSIONS[name]
