"""Files of versions, each under the digest of its content: what lies there is never changed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from pointsman.stores.digest import sha256_of

_READABLE: Final = 0o644  # pods may run as somebody else


class Artifact(NamedTuple):
    """A file in the store: its `file://` URI, its SHA-256 in hexadecimal, its bytes."""

    uri: str
    sha256: str
    size: int


class Artifacts:
    """A store in a folder, which pods see under the same path."""

    most = None
    """It takes files of any size; see Shelf."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def put(self, source: Path, advance: Callable[[int], None] = lambda _: None) -> Artifact:
        """Copy a file into the store and return where it lies. Raises OSError.

        `advance` is told how many bytes more are copied.

        The copy is whole or not there at all, also where several copy the same file at once.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=self._folder, prefix=".draft-")
        try:
            with os.fdopen(handle, "wb") as copy:
                sha256 = sha256_of(source, lambda block: advance(copy.write(block)))
                size = copy.tell()
            Path(draft).chmod(_READABLE)
            place = self._folder / sha256[:2] / sha256 / source.name
            place.parent.mkdir(parents=True, exist_ok=True)
            Path(draft).replace(place)
        finally:
            Path(draft).unlink(missing_ok=True)
        return Artifact(place.as_uri(), sha256, size)
