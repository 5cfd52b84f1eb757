"""A loaded version on its thread."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from pointsman.core.tensor import Item
from pointsman.errors import DEADLINE_EXCEEDED, Failure
from pointsman.runtimes.base import UNRUN, Loaded, Result, raised
from pointsman.runtimes.executor import Executor, Hung, Skipped
from pointsman.runtimes.journal import Mark


class Passed(NamedTuple):
    """The results of one micro-batch and its time on the compute thread, in microseconds."""

    results: list[Result]
    compute_us: int


Lane: TypeAlias = Executor[Passed]

# A pass that waited for longer, behind others of a version whose process ends again and again, is left to
# another call: this one must end in time.
WAIT_S: Final = 20.0


class Inhabitant(ABC):
    """A loaded version. Once retired, it is unloaded as soon as nobody uses it."""

    def __init__(self, loaded: Loaded, unload: Callable[[], None]) -> None:
        self.loaded = loaded
        self._unload = unload
        self._users = 0
        self._is_retired = False

    @property
    def is_used(self) -> bool:
        """Whether something runs on it."""
        return self._users > 0

    async def run(
        self, batches: Sequence[Sequence[Item]], max_batch: int, left_ms: Sequence[Sequence[int]]
    ) -> list[Passed]:
        """Return what became of each batch; UNRUN are the items that another call should bring again.

        `left_ms` is the time that each item has, 0 where it has no deadline.
        """
        self._users += 1
        try:
            outcomes = await self._outcomes(batches, max_batch, left_ms)
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

    @abstractmethod
    async def _outcomes(
        self, batches: Sequence[Sequence[Item]], max_batch: int, left_ms: Sequence[Sequence[int]]
    ) -> Sequence[Passed | BaseException]:
        """Return what became of each batch, or why nothing did."""


class Resident(Inhabitant):
    """A version that computes on a thread of its own: a pass that has begun takes what it takes."""

    def __init__(self, loaded: Loaded, lane: Lane, mark: Mark, unload: Callable[[], None]) -> None:
        super().__init__(loaded, unload)
        self._lane = lane
        self._mark = mark

    async def _outcomes(
        self, batches: Sequence[Sequence[Item]], max_batch: int, left_ms: Sequence[Sequence[int]]
    ) -> Sequence[Passed | BaseException]:
        if not self.loaded.isolated:
            return await self._lane.run([partial(self._pass, batch, max_batch) for batch in batches])
        outcomes: list[Passed | BaseException] = []
        for batch in batches:
            if outcomes and _took_long(outcomes[-1]):
                return outcomes + [Skipped() for _ in batches[len(outcomes) :]]
            outcomes += await self._lane.run(
                [partial(self._isolated_pass, batch, max_batch, time.monotonic())]
            )
        return outcomes

    def _pass(self, batch: Sequence[Item], max_batch: int) -> Passed:
        self._mark.passing()
        try:
            return self._timed(batch, max_batch)
        finally:
            self._mark.idle()

    def _isolated_pass(self, batch: Sequence[Item], max_batch: int, asked: float) -> Passed:
        """Run a pass of a process that ends its own hangs."""
        if time.monotonic() - asked > WAIT_S:
            return Passed([UNRUN] * len(batch), 0)
        return self._timed(batch, max_batch)

    def _timed(self, batch: Sequence[Item], max_batch: int) -> Passed:
        started = time.perf_counter_ns()
        results = self.loaded.infer(batch, max_batch)
        return Passed(results, (time.perf_counter_ns() - started) // 1000)


def _took_long(outcome: Passed | BaseException) -> bool:
    """Whether a process hung in a pass or ended too often: the rest of the call is for another one."""
    return isinstance(outcome, Passed) and any(
        result is UNRUN or (isinstance(result, Failure) and result.code == DEADLINE_EXCEEDED)
        for result in outcome.results
    )


def _failure(error: BaseException) -> Failure:
    return UNRUN if isinstance(error, Hung | Skipped) else raised(error)
