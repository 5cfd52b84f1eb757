"""Where pods may fetch from: what the setting `stores` says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from pointsman.core.uri import BLOB, scheme_of, shown
from pointsman.errors import FAILED_PRECONDITION, Failure, LoadError

_FILE: Final = "file"


class Place(NamedTuple):
    """A prefix, without its user and password, and these: `user:password`, or nothing."""

    scheme: str
    host: str
    path: str
    login: str


class Allowed:
    """The prefixes of the setting."""

    def __init__(self, stores: Sequence[str]) -> None:
        self._places = tuple(map(_place, stores))

    def login(self, uri: str, field: str) -> str:
        """Return `user:password`, "" for none, with which to fetch a URI; raises LoadError where nobody may.

        What is allowed below a path is what lies there once links are resolved (file) or in its folder (all
        others): `https://host/models` allows nothing in `https://host/models-of-others`.
        """
        place = next((place for place in self._places if _holds(place, uri)), None)
        if place is None:
            said = f"{field}: {shown(uri)} is in none of the pod's `stores`; its operator may add a prefix"
            raise LoadError(Failure(FAILED_PRECONDITION, said, field))
        return place.login

    def permits(self, uri: str) -> bool:
        """Whether a URI may be fetched."""
        return any(_holds(place, uri) for place in self._places)


def _place(store: str) -> Place:
    parts = urlsplit(store)
    login, _, host = parts.netloc.rpartition("@")
    return Place(parts.scheme, host.lower(), unquote(parts.path), login)


def _holds(place: Place, uri: str) -> bool:
    scheme = scheme_of(uri)
    if scheme != place.scheme:
        return False
    if scheme == BLOB:
        return True
    parts = urlsplit(uri)
    if scheme == _FILE:
        return Path(unquote(parts.path)).resolve().is_relative_to(Path(place.path or "/").resolve())
    folder = place.path.rstrip("/") + "/"
    return parts.netloc.lower() == place.host and unquote(parts.path or "/").startswith(folder)
