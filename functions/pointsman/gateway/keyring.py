"""The keys that a running gateway knows: it follows their file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pointsman.gateway import keyfile
from pointsman.gateway.followed import Followed
from pointsman.gateway.key import Key, hash_of

MOST_CHARACTERS: Final = 512  # ours have 46; what is longer is not worth hashing


class Keyring:
    """Finds keys by their text; `clock_ns` is monotonic.

    A file that is gone or broken leaves the keys as they were, and is logged once. Raises SettingsError where
    it cannot be read at the start.
    """

    def __init__(self, path: Path, clock_ns: Callable[[], int]) -> None:
        def read() -> Mapping[str, Key]:
            return {key.hash: key for key in keyfile.read(path)}

        self._keys = Followed([path], read, lambda keys: f"{len(keys)} keys", clock_ns)

    @property
    def readings(self) -> int:
        """How many times the keys were read; a new number means that they may be others."""
        return self._keys.readings

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.newest().values())

    def find(self, text: str) -> Key | None:
        """Return the key of this text, or None.

        A dictionary is enough: what its time could tell is about the hash of the text, never about a key.
        """
        keys = self._keys.newest()
        if len(text) > MOST_CHARACTERS:
            return None
        return keys.get(hash_of(text))
