"""Blobs in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from pointsman.stores.blobs import blob_key, is_blob_key


class RedisBlobs:
    """Keeps bytes in the Redis of a URL. Methods raise redis.RedisError."""

    def __init__(self, url: str, timeout_s: float = 5.0) -> None:
        self._url = url
        self._timeout_s = timeout_s

    @cached_property
    def _redis(self) -> Any:
        # Imported for the first reference: a tenth of a second, for which the start of each pod would wait.
        from redis.asyncio import Redis

        seconds = self._timeout_s
        return Redis.from_url(self._url, socket_timeout=seconds, socket_connect_timeout=seconds)

    async def put(self, value: bytes, ttl_s: int) -> str:
        """Store the bytes and return their key."""
        key = blob_key(value)
        async with self._redis.pipeline(transaction=True) as pipe:
            # The same bytes may have been stored for longer: never shorten that.
            pipe.set(key, value, ex=ttl_s, nx=True)
            pipe.expire(key, ttl_s, gt=True)
            await pipe.execute()
        return key

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of each key, or None."""
        ours = [key for key in keys if is_blob_key(key)]
        found = dict(zip(ours, await self._redis.mget(ours), strict=True)) if ours else {}
        return [found.get(key) for key in keys]

    async def touch(self, keys: Sequence[str], ttl_s: int) -> None:
        """Keep the bytes longer."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.expire(key, ttl_s, gt=True)
            await pipe.execute()

    async def close(self) -> None:
        """Close the connections."""
        if "_redis" in self.__dict__:
            await self._redis.aclose()
