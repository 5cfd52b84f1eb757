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
from pointsman.runtimes.base import PASSING, Key, Loaded, Result
from pointsman.runtimes.confined import confine
from pointsman.runtimes.executor import Executor
from pointsman.runtimes.framework import PYTHON, is_remote
from pointsman.runtimes.journal import Journal, Mark
from pointsman.runtimes.loader import Artifact, load
from pointsman.runtimes.pool import Pool
from pointsman.runtimes.process import Nursery
from pointsman.runtimes.quarantine import GUILTY_S, SUSPECTED_S, Quarantine
from pointsman.runtimes.remote.distant import Distant
from pointsman.runtimes.remote.model import RemoteModel
from pointsman.runtimes.resident import Inhabitant, Lane, Resident
from pointsman.runtimes.slot import OnState, Slot, Status
from pointsman.settings import Settings

__all__ = ["Host", "Key", "Loader", "Ran", "Status"]

log = logging.getLogger(__name__)
Loader = Callable[[VersionSpec, Settings, Callable[[], None]], Artifact]

# A load waits for the disk most of the time; one that takes minutes must not keep all others waiting.
LOADERS: Final = 8
# Nor must remotes that do not answer. One is asked again after 1, 2, 4, ... seconds.
REMOTE_LOADERS: Final = 64
FIRST_PAUSE_S: Final = 1.0
MOST_PAUSE_S: Final = 30.0
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
        self, settings: Settings, loader: Loader = load, confiner: Callable[..., Artifact] = confine
    ) -> None:
        self.recycle = asyncio.Event()
        self.quarantine = Quarantine(settings.journal)
        self._settings = settings
        self._loader = loader
        self._confiner = confiner
        self._nursery = Nursery()
        self._journal = Journal(settings.journal)
        self._slots: dict[Key, Slot] = {}
        self._pool = Pool(settings.cache_bytes)
        self._threads = ThreadPoolExecutor(LOADERS, thread_name_prefix="load")
        self._remote_threads = ThreadPoolExecutor(REMOTE_LOADERS, thread_name_prefix="load remote")
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

    async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Run a batch. Never raises. `left_ms` is the time that each item has; 0, or empty: no deadline.

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
        lefts = left_ms or [0] * len(items)
        passed = await resident.run(
            [items[part] for part in parts], max_batch, [lefts[part] for part in parts]
        )
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
        for threads in (self._threads, self._remote_threads):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _resident(self, key: Key) -> Inhabitant | Failure:
        slot = self._slots.get(key)
        if slot is not None and slot.resident is not None and self._is_to_be_confined(slot):
            log.warning("%s goes into quarantine", key)
            self._put_out(slot)
        if slot is None or slot.resident is None:
            return await self._awaited(key)
        if key in self._pool:
            self._pool.touch(key)
        return slot.resident

    async def _awaited(self, key: Key) -> Inhabitant | Failure:
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
        """Load a version; a remote that does not answer is asked again until it does or nobody wants it."""
        slot.move(Status(VersionState.LOADING))
        pause_s = FIRST_PAUSE_S
        while (trouble := await self._brought_in(slot)) is not None and self._slots.get(slot.key) is slot:
            slot.move(Status(VersionState.LOADING, trouble.message))
            await asyncio.sleep(pause_s)
            pause_s = min(MOST_PAUSE_S, 2 * pause_s)
        slot.is_loading = False
        self._tell_waiting()

    async def _brought_in(self, slot: Slot) -> Failure | None:
        """Load a version and return None, or the trouble that may be over later."""
        loop, is_far = asyncio.get_running_loop(), is_remote(slot.spec.runtime)

        def warming() -> None:
            loop.call_soon_threadsafe(slot.move, Status(VersionState.WARMING))

        own_process = is_far or slot.spec.runtime == PYTHON  # or none at all
        is_confined = not own_process and self.quarantine.holds(slot.key)
        mark = self._journal.claim(slot.key)
        mark.loading()
        try:
            work = partial(self._load, slot.key, is_confined, slot.spec, self._settings, warming)
            artifact = await loop.run_in_executor(self._remote_threads if is_far else self._threads, work)
        except LoadError as error:
            log.warning("%s: %s", slot.key, error)
            if is_far and error.failure.code in PASSING:
                return error.failure
            if slot.resident is None:
                slot.move(Status(VersionState.FAILED, error.failure.message))
            else:
                self.quarantine.hold([slot.key], SUSPECTED_S)  # it stays where it is for a while
        else:
            self._take_in(slot, artifact)
            slot.is_confined = is_confined
        finally:
            self._journal.free(mark)
        return None

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
        loaded = artifact.loaded
        resident = self._inhabitant(slot.key, loaded)
        if self._slots.get(slot.key) is not slot:
            resident.retire()  # released meanwhile
            return
        if slot.resident is not None:
            slot.resident.retire()  # it leaves quarantine
        slot.resident = resident
        if not isinstance(loaded, RemoteModel):
            for evicted in self._pool.add(slot.key, loaded.footprint):
                log.info("%s leaves memory for %s", evicted, slot.key)
                self._put_out(self._slots[evicted])
        slot.move(Status(VersionState.READY, "", loaded.signature, artifact.sha256, loaded.footprint))

    def _inhabitant(self, key: Key, loaded: Loaded) -> Inhabitant:
        if isinstance(loaded, RemoteModel):
            threads = ThreadPoolExecutor(loaded.connections, thread_name_prefix=f"ask {key}")
            return Distant(loaded, threads, partial(self._part_with, loaded, threads))
        mark = self._journal.claim(key)
        lane: Lane = Executor(f"compute {key}")
        if not loaded.isolated:
            patience_s, on_hang = self._settings.compute_timeout_ms / 1000, partial(self._hung, key)
            lane = Executor(f"compute {key}", patience_s, on_hang)
        return Resident(loaded, lane, mark, partial(self._unload, loaded, lane, mark))

    def _part_with(self, remote: RemoteModel, threads: ThreadPoolExecutor) -> None:
        threads.shutdown(wait=False)
        self._spawn(self._parted_with(remote))

    async def _parted_with(self, remote: RemoteModel) -> None:
        await asyncio.get_running_loop().run_in_executor(self._remote_threads, remote.unload)

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
