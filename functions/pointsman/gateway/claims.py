"""Tensors too large for a record, both ways: their bytes go to the blob store, their keys into the record."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from pointsman.errors import OUT_OF_RANGE, UNAVAILABLE, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.stores.redis_blobs import RedisBlobs
from pointsman.topics import MAX_REQUEST_BYTES
from pointsman.wire.response import error_to_pb

log = logging.getLogger(__name__)

# Left in a record for what Kafka and the engine add to it.
MARGIN: Final = 8 * 1024
MOST: Final = MAX_REQUEST_BYTES - MARGIN
# An input waits in the store longer than any request does for its answer.
INPUT_TTL_S: Final = 900
_SMALL: Final = 1024  # a key and its round trip cost more than such a tensor


class Claims:
    """The store of a Redis URL; of "" there is none, and what is too large is refused."""

    def __init__(self, url: str) -> None:
        self._blobs = RedisBlobs(url) if url else None

    async def value_of(self, request: pb.InferenceRequest, left_ms: Callable[[], int]) -> bytes | Failure:
        """Return the record of a request, its largest tensors in the store where it would be too large.

        `left_ms` says what is left of its deadline, which is what the record asks for: the store takes time.
        """
        request.timeout_ms = left_ms()
        value = request.SerializeToString()
        if len(value) <= MOST:
            return value
        if self._blobs is None or not request.HasField("tensors"):
            return _too_large(len(value), has_store=self._blobs is not None)
        try:
            return await self._checked_in(request, self._blobs, left_ms)
        except Exception:
            log.exception("the blob store did not take %d bytes", len(value))
            return Failure(UNAVAILABLE, "the blob store did not take the request's tensors")

    async def _checked_in(
        self, request: pb.InferenceRequest, blobs: RedisBlobs, left_ms: Callable[[], int]
    ) -> bytes | Failure:
        for tensor in sorted(request.tensors.tensors, key=lambda tensor: -len(tensor.raw)):
            if len(tensor.raw) <= _SMALL:
                break
            tensor.reference = await blobs.put(tensor.raw, INPUT_TTL_S)
            tensor.raw = b""
            request.timeout_ms = left_ms()
            value = request.SerializeToString()
            if len(value) <= MOST:
                return value
        return Failure(OUT_OF_RANGE, f"the request is larger than {MOST} bytes without its tensors")

    async def fetched(self, response: pb.InferenceResponse) -> pb.InferenceResponse:
        """Return a response with the bytes of its outputs, or an error that says why they are missing."""
        wanted = [tensor for tensor in response.outputs.tensors if tensor.reference and not tensor.raw]
        if not wanted:
            return response
        failure = await self._fill(wanted)
        if failure is not None:
            response.ClearField("outputs")
            response.error.CopyFrom(error_to_pb(failure))
        return response

    async def _fill(self, tensors: list[pb.Tensor]) -> Failure | None:
        if self._blobs is None:
            return Failure(UNAVAILABLE, "the answer is in a store that this gateway has not")
        try:
            found = await self._blobs.get_many([tensor.reference for tensor in tensors])
        except Exception:
            log.exception("the blob store did not answer for %d references", len(tensors))
            return Failure(UNAVAILABLE, "the blob store that holds the answer does not answer")
        for tensor, value in zip(tensors, found, strict=True):
            if value is None:
                return Failure(
                    UNAVAILABLE, f"output {tensor.name!r} is gone from the blob store", tensor.name
                )
            tensor.raw, tensor.reference = value, ""
        return None

    async def close(self) -> None:
        """Close the connections."""
        if self._blobs is not None:
            await self._blobs.close()


def _too_large(size: int, *, has_store: bool) -> Failure:
    remedy = "send tensors, not JSON without datatypes" if has_store else "larger ones need a Redis"
    return Failure(OUT_OF_RANGE, f"the request has {size} bytes, at most {MOST} here: {remedy}")
