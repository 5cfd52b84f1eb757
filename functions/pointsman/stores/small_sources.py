"""Small artifacts: in the stack's Redis (`blob:`), or in their URI itself (`data:`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pointsman.core.uri import data_of, digest_of_blob
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, Failure, LoadError
from pointsman.stores.source import BLOCK, Stream, Unreachable

MAX_BLOB: Final = 64 << 20
_PREFIX: Final = "pointsman:artifact:"
_TIMEOUT_S: Final = 5.0


class DataSource:
    """The bytes of a `data:` URI."""

    def __init__(self, uri: str, field: str) -> None:
        self._uri = uri
        self._field = field

    @contextmanager
    def open(self, start: int) -> Iterator[Stream]:
        """Return the bytes from `start` on."""
        try:
            content = data_of(self._uri)
        except ValueError as error:
            said = f"{self._field}: {error}"
            raise LoadError(Failure(INVALID_ARGUMENT, said, self._field)) from None
        yield Stream(start, len(content), iter([content[start:]]))


class BlobSource:
    """The bytes that the Redis of a URL keeps for a `blob:` URI."""

    def __init__(self, uri: str, redis_url: str, field: str) -> None:
        self._key = artifact_key(digest_of_blob(uri))
        self._redis_url = redis_url
        self._field = field

    @contextmanager
    def open(self, start: int) -> Iterator[Stream]:
        """Return the bytes from `start` on."""
        if not self._redis_url:
            raise self._failed(FAILED_PRECONDITION, "the pod has no Redis; set POINTSMAN_REDIS there")
        from redis import RedisError

        with connection(self._redis_url) as redis:
            try:
                total = int(redis.strlen(self._key))
                if not total:
                    raise self._failed(NOT_FOUND, "Redis does not keep it (any more); publish it again")
                yield Stream(start, total, self._blocks(redis, start, total))
            except RedisError as error:
                raise Unreachable(f"Redis does not answer ({type(error).__name__})") from None

    def _blocks(self, redis: Any, start: int, total: int) -> Iterator[bytes]:
        for at in range(start, total, BLOCK):
            yield redis.getrange(self._key, at, at + BLOCK - 1)

    def _failed(self, code: str, said: str) -> LoadError:
        return LoadError(Failure(code, f"{self._field}: {said}", self._field))


def artifact_key(sha256: str) -> str:
    """Return the key in Redis; it has no time to live, and nobody else keeps anything under its prefix."""
    return _PREFIX + sha256


def connection(url: str) -> Any:
    """Return a client, which closes its connections when its context ends."""
    from redis import Redis

    return Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
