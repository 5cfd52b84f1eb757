"""Brings the files of a version to the pod's disk, before its runtime opens them."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from pointsman.core.files import URI, File, files_of, moved
from pointsman.core.spec import PYTHON, VersionSpec
from pointsman.core.uri import AT_HAND, BLOB, DATA, FILE, address_fault, ending_of, scheme_of
from pointsman.errors import INTERNAL, UNAVAILABLE, Failure, LoadError
from pointsman.settings import Settings
from pointsman.stores.allowed import Allowed
from pointsman.stores.digest import sha256_of
from pointsman.stores.disk import Disk
from pointsman.stores.download import Download, Tell
from pointsman.stores.fsspec_source import FsspecSource
from pointsman.stores.http_source import HttpSource
from pointsman.stores.small_sources import BlobSource, DataSource
from pointsman.stores.source import Source

_LOOK_S: Final = 0.1


class Placed:
    """A version whose files are on this disk; they stay until it is released.

    `spec` names them by file:// URIs. `trusted_stores` are those of the settings where the version's own file
    is where it says; of one that was fetched they are that file, where its URI lies in one of them.
    """

    def __init__(self, spec: VersionSpec, trusted_stores: tuple[str, ...], held: ExitStack) -> None:
        self.spec = spec
        self.trusted_stores = trusted_stores
        self._held = held

    def release(self) -> None:
        """Let the files go where room is needed. What has been opened stays readable."""
        self._held.close()


class Fetcher:
    """Fetches by digest, from where the operator allows it. Its methods may be called on any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._allowed = Allowed(settings.stores)
        self._trusted = Allowed(settings.trusted_stores)
        self._disk = Disk(settings.artifact_cache, settings.artifact_cache_bytes)

    def place(self, spec: VersionSpec, tell: Tell) -> Placed:
        """Return the version with its files on this disk. Blocks until then; raises LoadError.

        `tell` is told how far it is, often, and may raise LoadError to end it.
        """
        held = ExitStack()
        try:
            fault = address_fault(spec)
            if fault is not None:
                raise LoadError(fault)
            here: dict[str, str] = {}
            for file in files_of(spec):
                if scheme_of(file.uri) != PYTHON:
                    here[file.field] = self._local(file, tell, held)
        except OSError as error:
            held.close()
            said = f"the pod's artifact_cache cannot be used: {error.strerror or error}"
            raise LoadError(Failure(INTERNAL, said)) from error
        except BaseException:
            held.close()
            raise
        return Placed(moved(spec, here), self._trust(spec.uri, here.get(URI, spec.uri)), held)

    def _trust(self, uri: str, here: str) -> tuple[str, ...]:
        """Return the URI prefixes from which code may be loaded, for a file of a URI that is now here.

        What the cache holds may be anybody's: a prefix that the cache lies below says nothing of it.
        """
        if here != uri:
            return (here,) if self._trusted.permits(uri) else ()
        is_cached = scheme_of(uri) == FILE and self._disk.holds(Path(unquote(urlsplit(uri).path)))
        return () if is_cached else self._settings.trusted_stores

    def _local(self, file: File, tell: Tell, held: ExitStack) -> str:
        """Return the file:// URI of a file that is, or now lies, on this disk."""
        field, uri, sha256 = file.field, file.uri, file.digest
        login = "" if scheme_of(uri) == DATA else self._allowed.login(uri, field)
        if scheme_of(uri) in AT_HAND:
            return uri
        name = sha256 + ending_of(uri)
        until = time.monotonic() + self._settings.fetch_timeout_ms / 1000
        self._disk.create()
        while True:
            lock = self._disk.lock(name, alone=False)
            if lock is not None and self._is_good(name, sha256):
                break
            if lock is not None:
                lock.close()
            lock = self._disk.lock(name, alone=True)
            if lock is None:
                self._wait(until, tell, field)
                continue
            with closing(lock):
                try:
                    if not self._is_good(name, sha256):
                        self._fetch(self._source(uri, login, field), name, file, until, tell)
                finally:
                    self._disk.settle(name, lock)
        held.callback(lock.close)
        self._disk.touch(name)
        return self._disk.path(name).as_uri()

    def _wait(self, until: float, tell: Tell, field: str) -> None:
        """Wait a little for others that fetch the same artifact, or open a spoilt one."""
        if time.monotonic() > until:
            said = f"{field}: another process of the pod fetches it, and does not end"
            raise LoadError(Failure(UNAVAILABLE, said, field))
        tell("another process of the pod fetches it")
        time.sleep(_LOOK_S)

    def _is_good(self, name: str, sha256: str) -> bool:
        """Whether the disk has the artifact as it should be."""
        path = self._disk.path(name)
        return path.is_file() and sha256_of(path) == sha256

    def _fetch(self, source: Source, name: str, file: File, until: float, tell: Tell) -> None:
        path, part = self._disk.path(name), self._disk.part(name)
        path.unlink(missing_ok=True)  # it is spoilt, and its bytes are wanted for the good one
        Download(
            source,
            file.digest,
            part,
            most_bytes=min(self._settings.artifact_bytes, self._settings.artifact_cache_bytes),
            claim=lambda size: self._disk.claim(size, name),
            tell=tell,
            field=file.field,
            digest_field=file.digest_field,
        ).run(until)
        part.replace(path)

    def _source(self, uri: str, login: str, field: str) -> Source:
        match scheme_of(uri):
            case "http" | "https":
                return HttpSource(uri, login, self._allowed.permits, field)
            case scheme if scheme == DATA:
                return DataSource(uri, field)
            case scheme if scheme == BLOB:
                return BlobSource(uri, self._settings.redis, field)
            case _:
                return FsspecSource(uri, login, field)
