"""The store of tensors by reference, for commands: what is there, and what may go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from redis import RedisError

from pointsman.errors import ClientError
from pointsman.stores.redis_blobs import RedisBlobs

T = TypeVar("T")

# What a purge sets free may be in use by a request that is under way.
LAST_S: Final = 900


class Kept:
    """The Redis of a URL. Methods raise ClientError where it does not answer."""

    def __init__(self, url: str) -> None:
        self._url = url

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys under which there is nothing."""
        asked = list(keys)
        there = self._ask(lambda blobs: blobs.are_there(asked))
        return [key for key, is_there in zip(asked, there, strict=True) if not is_there]

    def let_go(self, keys: Iterable[str]) -> None:
        """End the keeping: a quarter of an hour later the bytes are gone."""
        asked = list(keys)
        self._ask(lambda blobs: blobs.let_go(asked, LAST_S))

    def _ask(self, question: Callable[[RedisBlobs], Awaitable[T]]) -> T:
        async def asked() -> T:
            blobs = RedisBlobs(self._url)
            try:
                return await question(blobs)
            finally:
                await blobs.close()

        try:
            return asyncio.run(asked())
        except (RedisError, OSError) as error:
            raise ClientError(f"the store of tensors by reference does not answer: {error}") from error
