"""What `--store` of `publish` means."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from pointsman.cli.options import home_of, redis_of
from pointsman.core.uri import scheme_of
from pointsman.errors import SettingsError
from pointsman.stores.artifacts import Artifacts
from pointsman.stores.shelves import FsspecShelf, HttpShelf, InlineShelf, RedisShelf, Shelf

_INLINE: Final = "inline"
_REDIS: Final = "redis"
_SHELVES: Final[dict[str, Callable[[str], Shelf]]] = {
    "redis": RedisShelf,
    "rediss": RedisShelf,
    "http": HttpShelf,
    "https": HttpShelf,
}


def shelf_of(store: str, kafka: str, name: str) -> Shelf:
    """Return the place for artifacts; `store` may be empty. Raises SettingsError, StackError."""
    scheme = scheme_of(store)
    if store == _INLINE:
        return InlineShelf()
    if store == _REDIS:
        return RedisShelf(_redis(kafka, name))
    if scheme not in ("", "file"):
        return _SHELVES.get(scheme, FsspecShelf)(store)
    return Artifacts(_folder(store, kafka, name))


def _folder(store: str, kafka: str, name: str) -> Path:
    if not store and kafka:
        raise SettingsError("with --kafka say --store, too: a folder that pods see, or a URI they fetch from")
    if not store:
        return home_of(name).store
    parts = urlsplit(store)
    if parts.netloc not in ("", "localhost"):
        raise SettingsError(f"--store {store!r} is no folder: write a path or file:///…")
    return Path(unquote(parts.path)).expanduser()


def _redis(kafka: str, name: str) -> str:
    found = redis_of(os.environ.get("POINTSMAN_REDIS", ""), kafka, name)
    if not found:
        raise SettingsError("--store redis: say which, --store redis://HOST:PORT/0, or POINTSMAN_REDIS")
    return found
