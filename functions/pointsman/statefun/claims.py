"""Claim-checks: tensors too large for a record travel as keys of the blob store."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Final

from pointsman.core.tensor import Item
from pointsman.errors import RESOURCE_EXHAUSTED, UNAVAILABLE, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.stores.blobs import Blobs
from pointsman.wire.task import Work
from pointsman.wire.tensors import tensor_to_pb

logger = logging.getLogger(__name__)

# An output waits this long for its reader.
OUTPUT_TTL_S: Final = 900


class Claims:
    """Fetches referenced inputs of a whole batch at once, and stores outputs. Never raises."""

    def __init__(self, blobs: Blobs | None) -> None:
        self._blobs = blobs

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
