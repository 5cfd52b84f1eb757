"""Keeps the state of a running stack's job: savepoints of it, and other beginnings for it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from pointsman.localstack import origin as origins
from pointsman.localstack import savepoint
from pointsman.localstack.flink import Engine
from pointsman.localstack.home import Home
from pointsman.localstack.origin import Origin
from pointsman.localstack.supervision import Supervision

SAVEPOINT_WITHIN_S: Final = 120.0


class Keeper:
    """One change at a time: the others wait. All raise StackError, and then the job goes on as before."""

    def __init__(self, home: Home, supervision: Supervision) -> None:
        self._home = home
        self._supervision = supervision
        self._one_at_a_time = asyncio.Lock()

    @property
    def _engine(self) -> Engine:
        return self._supervision.assembly.engine

    async def checkpoint(
        self, folder: Path | None = None, *, stop: bool = False, within_s: float = SAVEPOINT_WITHIN_S
    ) -> Path:
        """Take a savepoint below `folder`, by default the home's, and return its path.

        With `stop` the engine ends with it and stays down until `restore`, or the next start of the stack,
        which both go on from it.
        """
        async with self._one_at_a_time:
            if stop:
                self._supervision.hold(self._engine.name)
            try:
                path = await self._engine.take_savepoint(
                    folder or self._home.savepoints, cancel=stop, within_s=within_s
                )
            except BaseException:
                if stop:
                    self._supervision.release(self._engine.name)
                raise
            if stop:
                await self._supervision.take_down(self._engine.name)
                origins.save(self._home, Origin(str(path), time.time_ns()))
            return path

    async def restore(self, text: str, parallelism: int = 0) -> None:
        """Start the engine anew from a savepoint; `parallelism` 0 leaves it as it is."""
        path = savepoint.find(text)
        await asyncio.to_thread(savepoint.check, path, self._supervision.assembly.broker.address)
        await self._begin_again(str(path), parallelism or self._engine.parallelism)

    async def rebuild(self, reread_ms: int = 0) -> None:
        """Forget all state and have the tables from their snapshots.

        Requests go on at the group's offsets, or further back at those of a moment in ms since the epoch.
        """
        await self._begin_again("", self._engine.parallelism, reread_ms)

    async def _begin_again(self, path: str, parallelism: int, reread_ms: int = 0) -> None:
        async with self._one_at_a_time:
            engine, before = self._engine, self._engine.parallelism
            await self._supervision.take_down(engine.name)
            try:
                with origins.begun(self._home, Origin(path, time.time_ns(), reread_ms)):
                    engine.parallelism = parallelism
                    await self._supervision.bring_back(engine.name)
            except BaseException:
                engine.parallelism = before
                self._supervision.try_again(engine.name)
                raise
