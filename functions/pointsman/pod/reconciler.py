"""Makes a host hold what the route tables want."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from pointsman.core.spec import VersionSpec
from pointsman.core.table import RouteTable, VersionState
from pointsman.pod.plan import is_proven, wanted
from pointsman.runtimes.base import Key
from pointsman.runtimes.slot import OnState, Status

log = logging.getLogger(__name__)


class Holder(Protocol):
    """What a reconciler needs of a host."""

    async def hold(self, key: Key, spec: VersionSpec, on_state: OnState, is_proven: bool = False) -> None:
        """Load and warm a version, a proven one if there is room; never raises."""

    async def release(self, key: Key) -> None:
        """Forget a version."""

    def held(self) -> Mapping[Key, Status]:
        """Return the status of every held version."""


class Reconciler:
    """Compares each new table with what is held. Lives on one event loop."""

    def __init__(self, host: Holder, pool: str, changed: Callable[[str], None]) -> None:
        self._host = host
        self._pool = pool
        self._changed = changed  # called with a model whenever the status of one of its versions moved
        self._wanted: dict[str, set[Key]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_busy(self) -> bool:
        """Whether something is being loaded or released."""
        return bool(self._tasks)

    def apply(self, model: str, table: RouteTable | None) -> None:
        """Hold the versions of a model's new table and release the others; None: the model is gone."""
        now = {} if table is None else wanted(table, self._pool)
        before = self._wanted.pop(model, set())
        if now:
            self._wanted[model] = set(now)
        for key in before - now.keys():
            self._spawn(self._release(key))
        for key, entry in now.items():
            self._spawn(self._host.hold(key, entry.spec, self._teller(key), is_proven(entry)))

    async def close(self) -> None:
        """Stop following; what is held stays held."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _teller(self, key: Key) -> OnState:
        def tell(state: VersionState, reason: str) -> None:
            log.info("%s is %s%s", key, state, f": {reason}" if reason else "")
            self._changed(key.model)

        return tell

    async def _release(self, key: Key) -> None:
        await self._host.release(key)
        log.info("%s is released", key)
        self._changed(key.model)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
