"""Claim-checks: tensors too large for a record travel as keys of the blob store."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Final

from pointsman.core.tensor import Item
from pointsman.errors import RESOURCE_EXHAUSTED, UNAVAILABLE, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.stores.blobs import Blobs
from pointsman.topics import DAY_MS, DEAD_LETTERS, RETENTION_MS
from pointsman.wire.task import Work
from pointsman.wire.tensors import tensor_to_pb

logger = logging.getLogger(__name__)

# An output waits this long for its reader.
OUTPUT_TTL_S: Final = 900
# What a dead letter refers to lives as long as the letter; Kafka deletes a day late at most.
KEPT_S: Final = (RETENTION_MS[DEAD_LETTERS] + DAY_MS) // 1000


class Claims:
    """Fetches referenced inputs of a whole batch at once, and stores outputs. Never raises."""

    def __init__(self, blobs: Blobs | None, kept_bytes: int = 0) -> None:
        self._blobs = blobs
        self._kept_bytes = kept_bytes

    async def fetch(self, work: Sequence[Work]) -> Failure | None:
        """Put the bytes of referenced tensors in their place; what is gone stays a reference.

        Returns the failure of all of them where the store does not answer.
        """
        tensors = list(_referenced(work))
        if self._blobs is None or not tensors:
            return None
        try:
            found = await self._blobs.get_many([tensor.reference for tensor in tensors])
        except Exception:
            logger.exception("the blob store did not answer for %d references", len(tensors))
            return Failure(UNAVAILABLE, "the blob store that holds the tensor does not answer")
        for tensor, value in zip(tensors, found, strict=True):
            if value is not None:
                tensor.raw = value
        return None

    async def keep(self, keys: Sequence[str]) -> None:
        """Let inputs live as long as the dead letters that refer to them, up to a bound of bytes in all.

        A letter is written all the same where that fails: whoever replays it is told what is gone.
        """
        if self._blobs is None or not keys:
            return
        wanted = list(dict.fromkeys(keys))
        try:
            kept = await self._blobs.keep(wanted, KEPT_S, self._kept_bytes)
        except Exception:
            logger.exception("the blob store did not answer: %d references of dead letters", len(wanted))
            return
        if kept < len(wanted):
            logger.warning(
                "%d of %d references of dead letters are gone or beyond kept_bytes",
                len(wanted) - kept,
                len(wanted),
            )

    async def store(self, item: Item) -> pb.Tensors | Failure:
        """Return the tensors with references instead of bytes."""
        if self._blobs is None:
            message = "the response is larger than the output topic takes, and there is no blob store"
            return Failure(RESOURCE_EXHAUSTED, message, "outputs")
        tensors = pb.Tensors()
        for name, array in item.items():
            tensor = tensor_to_pb(name, array)
            if isinstance(tensor, Failure):
                return tensor
            try:
                tensor.reference = await self._blobs.put(tensor.raw, OUTPUT_TTL_S)
            except Exception:
                logger.exception("the blob store did not take %d bytes", len(tensor.raw))
                return Failure(UNAVAILABLE, "the blob store did not take the response", name)
            tensor.raw = b""
            tensors.tensors.append(tensor)
        return tensors


def _referenced(work: Sequence[Work]) -> Iterator[pb.Tensor]:
    for one in work:
        if one.request is not None:
            yield from (
                tensor for tensor in one.request.tensors.tensors if tensor.reference and not tensor.raw
            )
