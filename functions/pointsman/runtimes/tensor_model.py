"""A version whose framework computes on arrays, in the pod's own process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from pointsman.core.tensor import Item, Signature
from pointsman.errors import FAILED_PRECONDITION, Failure
from pointsman.runtimes.base import Fault, Result
from pointsman.runtimes.batched import Forward, infer_batched, warm_batched


class TensorModel:
    """`forward` takes the rows of many callers, `most_rows` at a time where it can take no more."""

    isolated = False

    def __init__(
        self,
        forward: Forward,
        signature: Signature | None,
        footprint: int,
        most_rows: int = sys.maxsize,
        sample: Item | None = None,
    ) -> None:
        self.signature = signature
        self.footprint = footprint
        self.forward = forward
        self.sample = sample
        self._most_rows = most_rows

    def within(
        self, steps: Callable[[Forward], Forward], signature: Signature | None, sample: Item | None
    ) -> TensorModel:
        """Return this model between steps, which take and give as the signature says.

        `sample` is a row for the warm-up, None where one of zeros will do.
        """
        return TensorModel(steps(self.forward), signature, self.footprint, self._most_rows, sample)

    def infer(self, items: Sequence[Item], max_batch: int) -> list[Result]:
        """Return one result per item, in order."""
        return infer_batched(self.forward, items, min(max_batch, self._most_rows))

    def warm(self, item: Item, max_batch: int) -> Result:
        """Run an example alone, and twice in one batch."""
        return warm_batched(self.forward, item, min(max_batch, self._most_rows))

    def unload(self) -> None:
        """Drop the model; its memory is free once no pass uses it."""
        self.forward = _gone


def _gone(_: Item) -> NoReturn:
    raise Fault(Failure(FAILED_PRECONDITION, "the version was unloaded"), final=True)
