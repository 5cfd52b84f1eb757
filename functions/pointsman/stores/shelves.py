"""Where `publish` puts artifacts that pods fetch: each under the digest of its content."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pointsman.core.uri import BLOB, MAX_INLINE, data_uri, scheme_of, shown
from pointsman.errors import ClientError, SettingsError
from pointsman.stores.artifacts import Artifact, Artifacts
from pointsman.stores.digest import sha256_of
from pointsman.stores.fsspec_source import file_system
from pointsman.stores.http_source import basic, reason_of
from pointsman.stores.small_sources import MAX_BLOB, artifact_key, connection
from pointsman.stores.source import BLOCK

# Words for places that are no URI.
INLINE: Final = "inline"
REDIS: Final = "redis"

_TIMEOUT_S: Final = 60.0

Advance: TypeAlias = Callable[[int], None]
"""Told how many bytes more are stored."""


class Shelf(Protocol):
    """A place for artifacts."""

    @property
    def most(self) -> int | None:
        """The bytes of a file that it takes at most; None: any."""
        ...

    def put(self, source: Path, advance: Advance) -> Artifact:
        """Store a file. Raises OSError of the file, and ClientError where the store does not take it."""
        ...


class InlineShelf:
    """No place at all: the file travels in its URI."""

    most = MAX_INLINE

    def put(self, source: Path, advance: Advance) -> Artifact:
        """Return the file as a URI."""
        size = _fitting(source, self.most, INLINE)
        advance(size)
        return Artifact(data_uri(source.read_bytes(), source.name), sha256_of(source), size)


class RedisShelf:
    """The Redis of a URL, which must be the pods'."""

    most = MAX_BLOB

    def __init__(self, url: str) -> None:
        self._url = url

    def put(self, source: Path, advance: Advance) -> Artifact:
        """Keep the file without an end."""
        from redis import RedisError

        size, sha256 = _fitting(source, self.most, REDIS), sha256_of(source)
        try:
            with connection(self._url) as redis:
                redis.set(artifact_key(sha256), source.read_bytes())
        except (RedisError, ValueError) as error:
            raise ClientError(f"Redis does not keep {source.name} ({type(error).__name__})") from None
        advance(size)
        return Artifact(f"{BLOB}:{sha256}/{quote(source.name, safe='')}", sha256, size)


class HttpShelf:
    """An HTTP server that takes PUT below a URL, which may hold `user:password@`."""

    most = None

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        login, _, host = parts.netloc.rpartition("@")
        self._url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._headers = {"Content-Type": "application/octet-stream", **basic(login)}

    def put(self, source: Path, advance: Advance) -> Artifact:
        """Send the file."""
        size, sha256 = source.stat().st_size, sha256_of(source)
        url = f"{self._url}/{_below(sha256, source)}"
        headers = {**self._headers, "Content-Length": str(size)}
        try:
            with source.open("rb") as file:
                body = _Counted(file, advance)
                request = urllib.request.Request(url, body, headers, method="PUT")  # noqa: S310 - who publishes says where
                with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
                    pass
        except urllib.error.HTTPError as error:
            with error:
                raise ClientError(f"PUT {shown(url)} is answered {error.code}") from None
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            raise ClientError(f"PUT {shown(url)} failed ({reason_of(error)})") from None
        return Artifact(url, sha256, size)


class FsspecShelf:
    """A folder of a store that fsspec knows."""

    most = None

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self._login, _, host = parts.netloc.rpartition("@")
        self._uri = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))

    def put(self, source: Path, advance: Advance) -> Artifact:
        """Copy the file, unless it is there."""
        size, sha256 = source.stat().st_size, sha256_of(source)
        uri = f"{self._uri}/{_below(sha256, source)}"
        with source.open("rb") as file:
            try:
                system, path = file_system(uri, self._login)
                if not (system.exists(path) and system.size(path) == size):
                    system.makedirs(path.rpartition("/")[0], exist_ok=True)
                    with system.open(path, "wb") as copy:
                        for block in iter(lambda: file.read(BLOCK), b""):
                            copy.write(block)
                            advance(len(block))
            except LookupError as error:
                raise ClientError(str(error.args[0])) from None
            except Exception as error:  # noqa: BLE001 - each file system has its own, and may show the URI
                raise ClientError(f"{shown(uri)} cannot be written ({type(error).__name__})") from None
        return Artifact(uri, sha256, size)


def shelf_of(store: str, redis: str = "") -> Shelf:
    """Return the place that is meant. Raises SettingsError.

    `store` is a folder, `file:///…`, `inline`, `redis` (then the argument `redis` is its URL), `redis://…`,
    `https://…` or a URI that fsspec knows.
    """
    scheme = scheme_of(store)
    if store == INLINE:
        return InlineShelf()
    if store == REDIS:
        if not redis:
            raise SettingsError("redis: say which, redis://HOST:PORT/0, or POINTSMAN_REDIS")
        return RedisShelf(redis)
    if scheme in ("", "file"):
        return Artifacts(_folder(store))
    kinds: dict[str, Callable[[str], Shelf]] = {
        "redis": RedisShelf,
        "rediss": RedisShelf,
        "http": HttpShelf,
        "https": HttpShelf,
    }
    return kinds.get(scheme, FsspecShelf)(store)


def _folder(store: str) -> Path:
    parts = urlsplit(store)
    if parts.netloc not in ("", "localhost"):
        raise SettingsError(f"{store!r} is no folder: write a path or file:///…")
    return Path(unquote(parts.path)).expanduser()


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: Any, advance: Advance) -> None:
        self._file = file
        self._advance = advance

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        block: bytes = self._file.read(size)
        self._advance(len(block))
        return block


def _below(sha256: str, source: Path) -> str:
    return f"{sha256[:2]}/{sha256}/{quote(source.name, safe='')}"


def _fitting(source: Path, most: int, where: str) -> int:
    size = source.stat().st_size
    if size > most:
        raise ClientError(f"{where}: {source.name} has {size:,} bytes, and at most {most:,} go there")
    return size
