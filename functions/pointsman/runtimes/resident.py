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
            passes = [partial(self._pass, batch, max_batch) for batch in batches]
            outcomes = await (self._run_isolated(passes) if self.loaded.isolated else self._lane.run(passes))
        finally:
            self._users -= 1
            if self._is_retired and not self._users:
                self._unload()
        return [
            outcome if isinstance(outcome, Passed) else Passed([_failure(outcome)] * len(batch), 0)
            for batch, outcome in zip(batches, outcomes, strict=True)
        ]

    async def _run_isolated(self, passes: Sequence[Callable[[], Passed]]) -> list[Passed | BaseException]:
        """Run passes of a process that ends its own hangs; after a hang the rest is not tried."""
        outcomes: list[Passed | BaseException] = []
        for one in passes:
            if outcomes and _has_hung(outcomes[-1]):
                outcomes += [Skipped() for _ in passes[len(outcomes) :]]
                break
            outcomes += await self._lane.run([one])
        return outcomes

    def retire(self) -> None:
        """Unload it after its last user."""
        self._is_retired = True
        if not self._users:
            self._unload()

    def _pass(self, batch: Sequence[Item], max_batch: int) -> Passed:
        started = time.perf_counter_ns()
        results = self.loaded.infer(batch, max_batch)
        return Passed(results, (time.perf_counter_ns() - started) // 1000)


def _has_hung(outcome: Passed | BaseException) -> bool:
    return isinstance(outcome, Passed) and any(
        isinstance(result, Failure) and result.code == DEADLINE_EXCEEDED for result in outcome.results
    )


def _failure(error: BaseException) -> Failure:
    if isinstance(error, Hung):
        return _HUNG
    return _SKIPPED if isinstance(error, Skipped) else raised(error)
