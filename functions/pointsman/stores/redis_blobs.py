"""Blobs in Redis."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any, Final

from pointsman.stores.blobs import blob_key, is_blob_key

# What is kept beyond its first life: until when (milliseconds), and how large it is; with the sum of all.
_UNTIL: Final = "pointsman:kept:until"
_SIZES: Final = "pointsman:kept:sizes"

_FORGET: Final = """
local function forget(key)
  redis.call('ZREM', KEYS[1], key)
  local size = redis.call('HGET', KEYS[2], key)
  if size then
    redis.call('HDEL', KEYS[2], key)
    redis.call('HINCRBY', KEYS[2], 'sum', -size)
  end
end
"""
# ARGV: now, until (ms), ttl (s), bound in bytes, keys. Returns how many are kept.
_KEEP: Final = (
    _FORGET
    + """
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])) do forget(key) end
local kept = 0
for i = 5, #ARGV do
  local key = ARGV[i]
  local size = redis.call('STRLEN', key)
  local known = redis.call('HEXISTS', KEYS[2], key) == 1
  local sum = tonumber(redis.call('HGET', KEYS[2], 'sum') or '0')
  if redis.call('EXISTS', key) == 0 then
    forget(key)
  elseif known or sum + size <= tonumber(ARGV[4]) then
    if not known then
      redis.call('HSET', KEYS[2], key, size)
      redis.call('HINCRBY', KEYS[2], 'sum', size)
    end
    redis.call('ZADD', KEYS[1], 'GT', ARGV[2], key)
    redis.call('EXPIRE', key, ARGV[3], 'GT')
    kept = kept + 1
  end
end
return kept
"""
)
# ARGV: ttl (s), keys.
_LET_GO: Final = (
    _FORGET
    + """
for i = 2, #ARGV do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
    redis.call('EXPIRE', ARGV[i], ARGV[1], 'LT')
    forget(ARGV[i])
  end
end
"""
)


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

    async def keep(self, keys: Sequence[str], ttl_s: int, most_bytes: int) -> int:
        """Keep the bytes longer, up to a bound of bytes in all; one atomic step."""
        now = time.time_ns() // 1_000_000
        bounds = (now, now + ttl_s * 1000, ttl_s, most_bytes)
        return await self._eval(_KEEP, bounds, keys) or 0

    async def let_go(self, keys: Sequence[str], ttl_s: int) -> None:
        """Let what was kept expire."""
        await self._eval(_LET_GO, (ttl_s,), keys)

    async def are_there(self, keys: Sequence[str]) -> list[bool]:
        """Return for each key whether there are bytes."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.exists(key)
            found = await pipe.execute()
        return [bool(there) and is_blob_key(key) for key, there in zip(keys, found, strict=True)]

    async def _eval(self, script: str, bounds: tuple[int, ...], keys: Sequence[str]) -> int | None:
        ours = [key for key in keys if is_blob_key(key)]
        if not ours:
            return None
        done: int | None = await self._redis.eval(script, 2, _UNTIL, _SIZES, *bounds, *ours)
        return done

    @asynccontextmanager
    async def lifetime(self) -> AsyncIterator[None]:
        """Close the connections in the end."""
        try:
            yield
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if "_redis" in self.__dict__:
            await self._redis.aclose()
