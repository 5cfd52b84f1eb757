"""The keys that a running gateway knows: it follows their file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from pointsman.errors import SettingsError
from pointsman.gateway import keyfile
from pointsman.gateway.key import Key, hash_of

LOOK_NS: Final = 500_000_000  # so a change takes hold within a second of the next request
MOST_CHARACTERS: Final = 512  # ours have 46; what is longer is not worth hashing

logger = logging.getLogger(__name__)


class Keyring:
    """Finds keys by their text. Belongs to one thread; `clock_ns` is monotonic.

    A file that is gone or broken leaves the keys as they were, and is logged once. Raises SettingsError where
    it cannot be read at the start.
    """

    def __init__(self, path: Path, clock_ns: Callable[[], int]) -> None:
        self._path = path
        self._clock_ns = clock_ns
        self._looked_ns = clock_ns()
        self._stamp = keyfile.stamp(path)
        self._keys = self._read()
        self.readings = 1
        """How many times the keys were read; a new number means that they may be others."""

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())

    def find(self, text: str) -> Key | None:
        """Return the key of this text, or None.

        A dictionary is enough: what its time could tell is about the hash of the text, never about a key.
        """
        self._follow()
        if len(text) > MOST_CHARACTERS:
            return None
        return self._keys.get(hash_of(text))

    def _follow(self) -> None:
        now_ns = self._clock_ns()
        if now_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now_ns
        seen = keyfile.stamp(self._path)
        if seen == self._stamp:
            return
        self._stamp = seen
        try:
            self._keys = self._read()
        except SettingsError as error:
            logger.error("%s; the %d keys read before stay", error, len(self._keys))
        else:
            self.readings += 1
            logger.info("%d keys were read anew", len(self._keys))

    def _read(self) -> dict[str, Key]:
        return {key.hash: key for key in keyfile.read(self._path)}
