"""A remote version in a pod: its calls wait side by side, off the event loop and off compute threads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pointsman.core.tensor import Item
from pointsman.runtimes.base import UNRUN, Key, Result
from pointsman.runtimes.remote.model import RemoteModel
from pointsman.runtimes.resident import Inhabitant, Passed


class Distant(Inhabitant):
    """Holds no compute thread, so it cannot hang: each call ends by its own time.

    Requests share a call with those that have about as much time, so that none waits much longer than it may.
    """

    def __init__(self, key: Key, model: RemoteModel, unload: Callable[[], None]) -> None:
        threads = ThreadPoolExecutor(model.connections, thread_name_prefix=f"ask {key}")

        def part() -> None:
            threads.shutdown(wait=False)
            unload()

        super().__init__(model, part)
        self._model = model
        self._threads = threads

    async def _outcomes(
        self, batches: Sequence[Sequence[Item]], max_batch: int, left_ms: Sequence[Sequence[int]]
    ) -> Sequence[Passed | BaseException]:
        asked = time.monotonic()
        work = [
            self._outcome(batch, max_batch, lefts, asked)
            for batch, lefts in zip(batches, left_ms, strict=True)
        ]
        return await asyncio.gather(*work)

    async def _outcome(
        self, batch: Sequence[Item], max_batch: int, left_ms: Sequence[int], asked: float
    ) -> Passed:
        most_ms = int(1000 * self._model.timeout_s)
        groups: dict[int, list[int]] = {}
        times = [min(left or most_ms, most_ms) for left in left_ms]
        for place, left in enumerate(times):
            groups.setdefault(left.bit_length(), []).append(place)
        results: list[Result] = [UNRUN] * len(batch)
        for places, found in await asyncio.gather(
            *(
                self._asked(batch, places, max_batch, asked + min(times[place] for place in places) / 1000)
                for places in groups.values()
            )
        ):
            for place, result in zip(places, found, strict=True):
                results[place] = result
        return Passed(results, int(1e6 * (time.monotonic() - asked)))

    async def _asked(
        self, batch: Sequence[Item], places: Sequence[int], max_batch: int, until: float
    ) -> tuple[Sequence[int], list[Result]]:
        items = [batch[place] for place in places]
        loop = asyncio.get_running_loop()
        return places, await loop.run_in_executor(self._threads, self._model.answer, items, max_batch, until)
