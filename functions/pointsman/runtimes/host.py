"""The versions that one process holds, and the only way to run them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
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
from pointsman.runtimes.confined import confine
from pointsman.runtimes.executor import Executor
from pointsman.runtimes.framework import PYTHON, target_of
from pointsman.runtimes.journal import Journal, Mark
from pointsman.runtimes.loader import Artifact, load
from pointsman.runtimes.placing import AtHand, Place, Placed, Telling
from pointsman.runtimes.pool import Pool
from pointsman.runtimes.process import Nursery
from pointsman.runtimes.quarantine import GUILTY_S, SUSPECTED_S, Quarantine
from pointsman.runtimes.resident import Lane, Resident
from pointsman.runtimes.slot import OnState, Slot, Status
from pointsman.settings import Settings

__all__ = ["Host", "Key", "Loader", "Ran", "Status"]

log = logging.getLogger(__name__)
Loader = Callable[[VersionSpec, Settings, Callable[[], None]], Artifact]

# A load waits for the disk most of the time; one that takes minutes must not keep all others waiting.
LOADERS: Final = 8
BEAT_S: Final = 1.0


class Ran(msgspec.Struct):
    """What became of a batch: one result per item, in order.

    `compute_us` is the time of its `passes` together, `rows` are the rows of the largest. `is_absent`
    says that nothing was computed because the version is not in this process yet; another one may have it.
    A result that is UNRUN stands for an item that should be brought again.
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
    What runs is in the journal; a version in quarantine runs in a process of its own.
    """

    def __init__(
        self,
        settings: Settings,
        loader: Loader = load,
        confiner: Callable[..., Artifact] = confine,
        place: Place | None = None,
    ) -> None:
        self.recycle = asyncio.Event()
        self.quarantine = Quarantine(settings.journal)
        self._settings = settings
        self._loader = loader
        self._confiner = confiner
        self._place = place
        self._nursery = Nursery()
        self._journal = Journal(settings.journal)
        self._slots: dict[Key, Slot] = {}
        self._pool = Pool(settings.cache_bytes)
        self._threads = ThreadPoolExecutor(LOADERS, thread_name_prefix="load")
        self._carriers = ThreadPoolExecutor(LOADERS, thread_name_prefix="fetch")
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

    async def live(self) -> None:
        """Show that the event loop lives, and end terms of quarantine, for ever."""
        while True:
            self._journal.beat()
            for slot in self._slots.values():
                if slot.is_confined and not slot.is_loading and not self.quarantine.holds(slot.key):
                    log.info("%s leaves quarantine", slot.key)
                    slot.is_loading = True
                    self._spawn(self._bring_in(slot))
            if not any(slot.is_confined or slot.is_loading for slot in self._slots.values()):
                self._nursery.rest()
            await asyncio.sleep(BEAT_S)

    async def run(self, key: Key, items: Sequence[Item]) -> Ran:
        """Run a batch. Never raises.

        A version that is not in memory is waited for, `load_wait_ms` at most; then its items fail with
        UNAVAILABLE. The items of a forward pass over its time are UNRUN, and the version in quarantine.
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
        self._nursery.close()
        for threads in (self._threads, self._carriers):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _resident(self, key: Key) -> Resident | Failure:
        slot = self._slots.get(key)
        if slot is not None and slot.resident is not None and self._is_to_be_confined(slot):
            log.warning("%s goes into quarantine", key)
            self._put_out(slot)
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
        is_confined = slot.spec.runtime != PYTHON and self.quarantine.holds(slot.key)
        mark = self._journal.claim(slot.key)
        try:
            async with self._placed(slot) as placed:
                mark.loading()
                settings = msgspec.structs.replace(self._settings, trusted_stores=placed.trusted_stores)
                work = partial(self._load, slot.key, is_confined, placed.spec, settings, warming)
                artifact = await loop.run_in_executor(self._threads, work)
        except LoadError as error:
            log.warning("%s: %s", slot.key, error)
            if not self._is_held(slot):
                pass  # released meanwhile: nobody is to hear of it
            elif slot.resident is None:
                slot.move(Status(VersionState.FAILED, error.failure.message))
            else:
                self.quarantine.hold([slot.key], SUSPECTED_S)  # it stays where it is for a while
        else:
            self._take_in(slot, artifact)
            slot.is_confined = is_confined
        finally:
            self._journal.free(mark)
        slot.is_loading = False
        self._tell_waiting()

    @contextlib.asynccontextmanager
    async def _placed(self, slot: Slot) -> AsyncIterator[Placed]:
        """Have the version's files on this disk while it is loaded."""
        if self._place is None:
            yield AtHand(slot.spec, self._settings.trusted_stores)
            return
        loop = asyncio.get_running_loop()

        def move(reason: str) -> None:
            loop.call_soon_threadsafe(slot.move, Status(VersionState.LOADING, reason))

        target_of(slot.spec.runtime)  # nothing is fetched for a runtime that is not here
        work = partial(self._place, slot.spec, Telling(move, partial(self._is_held, slot)))
        placed = await loop.run_in_executor(self._carriers, work)
        try:
            yield placed
        finally:
            placed.release()

    def _is_held(self, slot: Slot) -> bool:
        return self._slots.get(slot.key) is slot

    def _load(
        self, key: Key, is_confined: bool, spec: VersionSpec, settings: Settings, warming: Callable[[], None]
    ) -> Artifact:
        if not is_confined:
            return self._loader(spec, settings, warming)
        on_ending = partial(self.quarantine.hold, [key], GUILTY_S)
        return self._confiner(
            spec, settings, warming, name=str(key), nursery=self._nursery, on_ending=on_ending
        )

    def _is_to_be_confined(self, slot: Slot) -> bool:
        resident = slot.resident
        return resident is not None and not resident.loaded.isolated and self.quarantine.holds(slot.key)

    def _take_in(self, slot: Slot, artifact: Artifact) -> None:
        loaded, mark = artifact.loaded, self._journal.claim(slot.key)
        lane: Lane = Executor(f"compute {slot.key}")
        if not loaded.isolated:
            patience_s, on_hang = self._settings.compute_timeout_ms / 1000, partial(self._hung, slot.key)
            lane = Executor(f"compute {slot.key}", patience_s, on_hang)
        resident = Resident(loaded, lane, mark, partial(self._unload, loaded, lane, mark))
        if not self._is_held(slot):
            resident.retire()  # released meanwhile
            return
        if slot.resident is not None:
            slot.resident.retire()  # it leaves quarantine
        slot.resident = resident
        for evicted in self._pool.add(slot.key, loaded.footprint):
            log.info("%s leaves memory for %s", evicted, slot.key)
            self._put_out(self._slots[evicted])
        slot.move(Status(VersionState.READY, "", loaded.signature, artifact.sha256, loaded.footprint))

    def _hung(self, key: Key) -> None:
        log.warning("%s hangs; it goes into quarantine, and this process is replaced", key)
        self.quarantine.hold([key], GUILTY_S)
        self.recycle.set()

    def _put_out(self, slot: Slot) -> None:
        self._pool.discard(slot.key)
        if slot.resident is not None:
            slot.resident.retire()
            slot.resident, slot.is_confined = None, False

    def _unload(self, loaded: Loaded, lane: Lane, mark: Mark) -> None:
        self._spawn(self._unloaded(loaded, lane, mark))

    async def _unloaded(self, loaded: Loaded, lane: Lane, mark: Mark) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, loaded.unload)
        lane.close()
        self._journal.free(mark)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell_waiting(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
