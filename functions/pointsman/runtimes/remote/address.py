"""Where a remote is, and whether a pod may ask it: that is the operator's decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from pointsman.core.uri import shown
from pointsman.errors import INVALID_ARGUMENT, PERMISSION_DENIED, Failure, LoadError

_PORTS: Final = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}


class Address(NamedTuple):
    """A URI taken apart. `path` is as it was written, without a slash at its end; the scheme says if TLS."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_grpc(self) -> bool:
        """Whether it is called over gRPC."""
        return self.scheme.startswith("grpc")

    @property
    def is_secure(self) -> bool:
        """Whether it is called over TLS."""
        return self.scheme.endswith("s")

    @property
    def authority(self) -> str:
        """Host and port, as a socket and a header want them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Allowed(NamedTuple):
    """What may be asked, and the environment variable whose key may be sent there, empty for none."""

    prefix: Address
    key: str


def address_of(uri: str, remotes: Sequence[str]) -> Address:
    """Return a version's address, which lies below one of the prefixes in `remotes`; raises LoadError."""
    address = parsed(uri)
    if address is None:
        message = (
            f"uri: {shown(uri)!r} is not http://HOST:PORT/PATH, https://…, grpc://HOST:PORT/NAME or grpcs://…"
        )
        raise LoadError(Failure(INVALID_ARGUMENT, message, "uri"))
    if not any(is_below(address, one.prefix) for one in allowed_of(remotes)):
        message = (
            f"uri: this pod may not ask {address.scheme}://{address.authority}; its operator allows it by a "
            "URI prefix in the setting `remotes`"
        )
        raise LoadError(Failure(PERMISSION_DENIED, message, "uri"))
    return address


def allowed_of(remotes: Sequence[str]) -> list[Allowed]:
    """Return what `remotes` allows: `PREFIX`, or `KEY@PREFIX`, the key by its environment variable."""
    found = []
    for text in remotes:
        key, at, rest = text.partition("@")
        is_bound = bool(at) and key.isidentifier()  # otherwise the @ is of a URI, which none of ours holds
        prefix = parsed(rest if is_bound else text)
        if prefix is not None:
            found.append(Allowed(prefix, key if is_bound else ""))
    return found


def parsed(uri: str) -> Address | None:
    """Return the parts of a URI; None where it is none of ours, or two readers might read it differently."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    is_odd = "@" in parts.netloc or "\\" in uri or parts.query or parts.fragment or not uri.isprintable()
    segments = unquote(parts.path).split("/")
    if (
        parts.scheme not in _PORTS
        or not parts.hostname
        or is_odd
        or " " in uri
        or not {".", ".."}.isdisjoint(segments)
    ):
        return None
    known = _PORTS[parts.scheme] if port is None else port
    return Address(parts.scheme, parts.hostname, known, parts.path.rstrip("/"))


def is_below(address: Address, prefix: Address) -> bool:
    """Whether an address is a prefix or lies below it, segment by segment."""
    if address[:3] != prefix[:3]:
        return False
    wanted = unquote(prefix.path).split("/")
    return unquote(address.path).split("/")[: len(wanted)] == wanted
