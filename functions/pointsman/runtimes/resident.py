"""A loaded version on its thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from pointsman.core.tensor import Item
from pointsman.errors import DEADLINE_EXCEEDED, UNAVAILABLE, Failure
from pointsman.runtimes.base import Loaded, Result, raised
from pointsman.runtimes.executor import Executor, Hung, Skipped


class Passed(NamedTuple):
    """The results of one micro-batch and its time on the compute thread, in microseconds."""

    results: list[Result]
    compute_us: int


Lane: TypeAlias = Executor[Passed]

_HUNG = Failure(DEADLINE_EXCEEDED, "the model did not return in time")
_SKIPPED = Failure(UNAVAILABLE, "the model hung in the batch before; try again")


class Resident:
    """A loaded version in memory. Once retired, it is unloaded as soon as nobody uses it."""

    def __init__(self, loaded: Loaded, lane: Lane, unload: Callable[[], None]) -> None:
        self.loaded = loaded
        self._lane = lane
        self._unload = unload
        self._users = 0
        self._is_retired = False

    async def run(self, batches: Sequence[Sequence[Item]], max_batch: int) -> list[Passed]:
        """Return what became of each batch."""
        self._users += 1
        try:
            outcomes = await self._lane.run([partial(self._pass, batch, max_batch) for batch in batches])
        finally:
            self._users -= 1
            if self._is_retired and not self._users:
                self._unload()
        return [
            outcome if isinstance(outcome, Passed) else Passed([_failure(outcome)] * len(batch), 0)
            for batch, outcome in zip(batches, outcomes, strict=True)
        ]

    def retire(self) -> None:
        """Unload it after its last user."""
        self._is_retired = True
        if not self._users:
            self._unload()

    def _pass(self, batch: Sequence[Item], max_batch: int) -> Passed:
        started = time.perf_counter_ns()
        results = self.loaded.infer(batch, max_batch)
        return Passed(results, (time.perf_counter_ns() - started) // 1000)


def _failure(error: BaseException) -> Failure:
    if isinstance(error, Hung):
        return _HUNG
    return _SKIPPED if isinstance(error, Skipped) else raised(error)
