"""What `--store` of `publish` means."""

from __future__ import annotations

import os

from pointsman.cli.options import home_of, redis_of
from pointsman.errors import SettingsError
from pointsman.stores import shelves
from pointsman.stores.artifacts import Artifacts
from pointsman.stores.shelves import REDIS, Shelf


def shelf_of(store: str, kafka: str, name: str) -> Shelf:
    """Return the place for artifacts; `store` may be empty. Raises SettingsError, StackError."""
    if not store:
        return _shelf_of_stack(kafka, name)
    redis = redis_of(os.environ.get("POINTSMAN_REDIS", ""), kafka, name) if store == REDIS else ""
    try:
        return shelves.shelf_of(store, redis)
    except SettingsError as error:
        raise SettingsError(f"--store {error}") from None


def _shelf_of_stack(kafka: str, name: str) -> Shelf:
    if kafka:
        raise SettingsError("with --kafka say --store, too: a folder that pods see, or a URI they fetch from")
    return Artifacts(home_of(name).store)
