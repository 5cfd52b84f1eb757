"""Bytes under a key, for a limited time: tensors too large for a record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Protocol

_PREFIX: Final = "pointsman:blob:"


class Blobs(Protocol):
    """A store of immutable bytes. A method raises the store's own exception where it cannot be reached."""

    async def put(self, value: bytes, ttl_s: int) -> str:
        """Store the bytes for at least `ttl_s` seconds and return their key, the same for the same bytes."""
        ...

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of each key in one round trip; None where they are gone or never were.

        Keys come from requests, and others may keep secrets beside the blobs: of a key that `put` cannot
        have returned nothing is read.
        """
        ...

    async def keep(self, keys: Sequence[str], ttl_s: int, most_bytes: int) -> int:
        """Keep the bytes for at least `ttl_s` more seconds; return of how many keys they are kept.

        All that is kept so has at most `most_bytes` together: beyond that, as under a key that is unknown
        or cannot be `put`'s, nothing is changed.
        """
        ...

    async def let_go(self, keys: Sequence[str], ttl_s: int) -> None:
        """End the keeping: the bytes live `ttl_s` more seconds at most. What was not kept is left alone."""
        ...

    async def are_there(self, keys: Sequence[str]) -> list[bool]:
        """Return for each key whether there are bytes under it."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


def is_blob_key(key: str) -> bool:
    """Whether the key may be one of `blob_key`'s."""
    return key.startswith(_PREFIX)


def blob_key(value: bytes) -> str:
    """Return the key of the bytes: the same everywhere, and not to be guessed without having them."""
    return _PREFIX + hashlib.sha256(value).hexdigest()
