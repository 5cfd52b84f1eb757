"""The versions that one process holds, and the only way to run them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import msgspec

from pointsman.core.batching import cut
from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.core.tensor import Item, Signature
from pointsman.core.tensor import rows as rows_of
from pointsman.errors import UNAVAILABLE, Failure, LoadError
from pointsman.runtimes.base import Key, Loaded, Result
from pointsman.runtimes.executor import Executor
from pointsman.runtimes.loader import Artifact, load
from pointsman.runtimes.pool import Pool
from pointsman.runtimes.resident import Lane, Resident
from pointsman.runtimes.slot import OnState, Slot, Status
from pointsman.settings import Settings

__all__ = ["Host", "Key", "Loader", "Ran", "Status"]

log = logging.getLogger(__name__)
Loader = Callable[[VersionSpec, Settings, Callable[[], None]], Artifact]

# A load waits for the disk most of the time; one that takes minutes must not keep all others waiting.
LOADERS: Final = 8


class Ran(msgspec.Struct):
    """What became of a batch: one result per item, in order.

    `compute_us` is the time of its `passes` together, `rows` are the rows of the largest. `is_absent`
    says that nothing was computed because the version is not in this process yet; another one may have it.
    """

    results: list[Result]
    compute_us: int
    rows: int
    is_absent: bool = False
    passes: int = 1


class Host:
    """Holds versions in memory and runs them, off the event loop that it lives on.

    Each version has a compute thread of its own, so a slow one holds nobody up but itself. `recycle` is set
    when the process must be replaced, after the answers went out: a thread that hangs cannot be stopped.
    """

    def __init__(self, settings: Settings, loader: Loader = load) -> None:
        self.recycle = asyncio.Event()
        self._settings = settings
        self._loader = loader
        self._slots: dict[Key, Slot] = {}
        self._pool = Pool(settings.cache_bytes)
        self._threads = ThreadPoolExecutor(LOADERS, thread_name_prefix="load")
        self._changed = asyncio.Event()  # a new one after each change of what is in memory
        self._tasks: set[asyncio.Task[None]] = set()

    async def hold(self, key: Key, spec: VersionSpec, on_state: OnState) -> None:
        """Load and warm a version; return when it is READY, FAILED or released. Never raises.

        `on_state` is called on the event loop at each change of state. Of a version that is held already
        only the serving options change.
        """
        slot = self._slots.get(key)
        if slot is not None:
            slot.spec = spec
            return
        slot = self._slots[key] = Slot(key, spec, on_state)
        await self._bring_in(slot)

    async def release(self, key: Key) -> None:
        """Forget a version. What runs on it ends first; a load under way is thrown away."""
        slot = self._slots.pop(key, None)
        if slot is not None:
            self._put_out(slot)
            self._tell_waiting()

    def spec(self, key: Key) -> VersionSpec | None:
        """Return the description of a held version."""
        slot = self._slots.get(key)
        return None if slot is None else slot.spec

    def signature(self, key: Key) -> Signature | None:
        """Return what a held version takes and gives; None while it is not known."""
        slot = self._slots.get(key)
        return None if slot is None else slot.status.signature

    def held(self) -> Mapping[Key, Status]:
        """Return the status of every held version."""
        return {key: slot.status for key, slot in self._slots.items()}

    async def run(self, key: Key, items: Sequence[Item]) -> Ran:
        """Run a batch. Never raises.

        A version that is not in memory is waited for, `load_wait_ms` at most; then its items fail with
        UNAVAILABLE. The items of a forward pass over its time fail with DEADLINE_EXCEEDED.
        """
        resident = await self._resident(key)
        if isinstance(resident, Failure):
            slot = self._slots.get(key)
            has_failed = slot is not None and slot.status.state is VersionState.FAILED
            return Ran([resident] * len(items), 0, 0, is_absent=not has_failed)
        max_batch = self._slots[key].spec.max_batch
        sizes = list(map(rows_of, items))
        parts = cut(sizes, max_batch)
        passed = await resident.run([items[part] for part in parts], max_batch)
        return Ran(
            [result for one in passed for result in one.results],
            sum(one.compute_us for one in passed),
            min(max_batch, max((sum(sizes[part]) for part in parts), default=0)),
            passes=len(parts),
        )

    async def close(self) -> None:
        """Release everything and end the threads."""
        for task in list(self._tasks):
            task.cancel()
        for key in list(self._slots):
            await self.release(key)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _resident(self, key: Key) -> Resident | Failure:
        slot = self._slots.get(key)
        if slot is None or slot.resident is None:
            return await self._awaited(key)
        self._pool.touch(key)
        return slot.resident

    async def _awaited(self, key: Key) -> Resident | Failure:
        """Wait for a version that is being loaded, was evicted, or is not known here yet."""
        try:
            async with asyncio.timeout(self._settings.load_wait_ms / 1000):
                while True:
                    changed = self._changed
                    slot = self._slots.get(key)
                    if slot is not None and slot.resident is not None:
                        return slot.resident
                    if slot is not None and slot.status.state is VersionState.FAILED:
                        reason = slot.status.reason
                        return Failure(UNAVAILABLE, f"version {key.version!r} failed to load: {reason}")
                    if slot is not None and not slot.is_loading:
                        slot.is_loading = True
                        self._spawn(self._bring_in(slot))
                    await changed.wait()
        except TimeoutError:
            return Failure(UNAVAILABLE, f"version {key.version!r} is not loaded in this pod yet")

    async def _bring_in(self, slot: Slot) -> None:
        loop = asyncio.get_running_loop()

        def warming() -> None:
            loop.call_soon_threadsafe(slot.move, Status(VersionState.WARMING))

        slot.move(Status(VersionState.LOADING))
        work = partial(self._loader, slot.spec, self._settings, warming)
        try:
            artifact = await loop.run_in_executor(self._threads, work)
        except LoadError as error:
            log.warning("%s: %s", slot.key, error)
            slot.move(Status(VersionState.FAILED, error.failure.message))
        else:
            self._take_in(slot, artifact)
        slot.is_loading = False
        self._tell_waiting()

    def _take_in(self, slot: Slot, artifact: Artifact) -> None:
        loaded = artifact.loaded
        lane: Lane = Executor(f"compute {slot.key}")
        if not loaded.isolated:
            lane = Executor(f"compute {slot.key}", self._settings.compute_timeout_ms / 1000, self.recycle.set)
        resident = Resident(loaded, lane, partial(self._unload, loaded, lane))
        if self._slots.get(slot.key) is not slot:
            resident.retire()  # released meanwhile
            return
        slot.resident = resident
        for evicted in self._pool.add(slot.key, loaded.footprint):
            log.info("%s leaves memory for %s", evicted, slot.key)
            self._put_out(self._slots[evicted])
        slot.move(Status(VersionState.READY, "", loaded.signature, artifact.sha256, loaded.footprint))

    def _put_out(self, slot: Slot) -> None:
        self._pool.discard(slot.key)
        if slot.resident is not None:
            slot.resident.retire()
            slot.resident = None

    def _unload(self, loaded: Loaded, lane: Lane) -> None:
        self._spawn(self._unloaded(loaded, lane))

    async def _unloaded(self, loaded: Loaded, lane: Lane) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, loaded.unload)
        lane.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell_waiting(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
