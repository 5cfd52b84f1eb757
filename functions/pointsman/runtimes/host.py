"""The versions that one process holds, and the only way to run them."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

from pointsman.core.batching import cut
from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.core.tensor import Item, Signature
from pointsman.core.tensor import rows as rows_of
from pointsman.core.uri import is_at_hand
from pointsman.errors import UNAVAILABLE, Failure, LoadError
from pointsman.runtimes.arrival import Place, Placed
from pointsman.runtimes.base import PASSING, Key, Loaded, raised
from pointsman.runtimes.berths import Berths, Urgency, crowded
from pointsman.runtimes.bounds import bounds_of
from pointsman.runtimes.confined import confine
from pointsman.runtimes.executor import Executor
from pointsman.runtimes.framework import is_remote
from pointsman.runtimes.journal import Journal, Mark
from pointsman.runtimes.loader import Artifact, load
from pointsman.runtimes.loads import Loader, Loads
from pointsman.runtimes.placement import is_misplaced, is_to_be_confined, wants_process
from pointsman.runtimes.pool import Memory, Pool
from pointsman.runtimes.preflight import preflight
from pointsman.runtimes.quarantine import GUILTY_S, SUSPECTED_S, Quarantine
from pointsman.runtimes.ran import Ran, ran
from pointsman.runtimes.remote.distant import Distant
from pointsman.runtimes.remote.model import RemoteModel
from pointsman.runtimes.resident import Inhabitant, Lane, Resident
from pointsman.runtimes.slot import OnState, Slot, Status, Use, terms_of
from pointsman.runtimes.tenancy import admit, repin, victim
from pointsman.settings import Settings

__all__ = ["Host", "Key", "Loader", "Ran", "Status"]

log = logging.getLogger(__name__)

BEAT_S: Final = 1.0
# A version that was loaded before and now cannot be is tried again: its store may have been away.
RETRY_S: Final = 30.0
# A remote that does not answer is asked again after 1, 2, 4, ... seconds.
FIRST_PAUSE_S: Final = 1.0
MOST_PAUSE_S: Final = 30.0


class Host:
    """Holds versions in memory and runs them, off the event loop that it lives on.

    Each version has a compute thread of its own, so a slow one holds nobody up but itself. `recycle` is set
    when the process must be replaced, after the answers went out: a thread that hangs cannot be stopped.
    What runs is in the journal; a version in quarantine runs in a process of its own, and so does one that
    asks for it.
    """

    def __init__(
        self,
        settings: Settings,
        loader: Loader = load,
        confiner: Callable[..., Artifact] = confine,
        preflight: Callable[[VersionSpec], int] = preflight,
        place: Place | None = None,
    ) -> None:
        self.recycle = asyncio.Event()
        self.quarantine = Quarantine(settings.journal)
        self._settings = settings
        self._journal = Journal(settings.journal)
        self._loads = Loads(settings, self._journal, self.quarantine, loader, confiner, place)
        self._slots: dict[Key, Slot] = {}
        self._preflight = preflight
        self._pool = Pool(settings.cache_bytes)
        self._berths = Berths(self._pool, self._victim, self._evict)
        self._changed = asyncio.Event()  # a new one after each change of what is in memory
        self._tasks: set[asyncio.Task[None]] = set()

    async def hold(self, key: Key, spec: VersionSpec, on_state: OnState, is_proven: bool = False) -> None:
        """Load and warm a version; return when it is READY, FAILED or released. Never raises.

        `on_state` is called on the event loop at each change of state. Of a version that is held already
        only the serving options change. One that is proven, because some pod has loaded it, is READY without
        being loaded where nothing is free for it.
        """
        slot = self._slots.get(key)
        if slot is not None:
            slot.spec = spec  # where it is to run otherwise, the next beat brings it there
            repin(self._pool, slot)
            self._berths.wake()
            if self._pool.is_pinned(key) and slot.resident is None and not slot.is_loading:
                await self._bring_in(slot, Urgency.PROOF)
            return
        slot = self._slots[key] = Slot(key, spec, on_state, is_proven)
        await self._bring_in(slot, Urgency.AHEAD if is_proven else Urgency.PROOF)

    async def release(self, key: Key) -> None:
        """Forget a version. What runs on it ends first; a load under way is thrown away."""
        slot = self._slots.pop(key, None)
        if slot is not None:
            self._berths.withdraw(key)
            self._pool.unpin(key)
            self._put_out(slot)
            self._tell_waiting()

    @property
    def memory(self) -> Memory:
        """What all versions take together."""
        return self._pool.memory

    def uses(self) -> Mapping[Key, Use]:
        """Return how much each held version was used."""
        return {key: slot.use for key, slot in self._slots.items()}

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
        """Show that the event loop lives, end terms of quarantine, and try again what failed, for ever."""
        while True:
            self._journal.beat()
            for slot in list(self._slots.values()):
                if not slot.is_loading:
                    self._look_after(slot)
            is_quiet = not any(slot.is_confined or slot.is_loading for slot in self._slots.values())
            await self._loads.tidy(is_quiet)
            await asyncio.sleep(BEAT_S)

    def _look_after(self, slot: Slot) -> None:
        if slot.retry_at <= time.monotonic():
            slot.retry_at = math.inf
            self._ask_for(slot, Urgency.PROOF)
        elif is_misplaced(slot, self.quarantine):
            log.info("%s is brought to where it is to run", slot.key)
            self._ask_for(slot, Urgency.PROOF if slot.resident is None else Urgency.DEMAND)

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
        slot = self._slots[key]
        max_batch = slot.spec.max_batch
        sizes = list(map(rows_of, items))
        parts = cut(sizes, max_batch)
        slot.use.add(len(parts), sum(sizes), time.time_ns() // 1_000_000)
        lefts = left_ms or [0] * len(items)
        batches, times = [items[part] for part in parts], [lefts[part] for part in parts]
        passed = await resident.run(batches, max_batch, times)
        return ran(passed, [sum(sizes[part]) for part in parts], max_batch)

    async def close(self) -> None:
        """Release everything and end the threads."""
        for task in list(self._tasks):
            task.cancel()
        for key in list(self._slots):
            await self.release(key)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._loads.close()

    async def _resident(self, key: Key) -> Inhabitant | Failure:
        slot = self._slots.get(key)
        if slot is not None and is_to_be_confined(slot, self.quarantine):
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
                    if slot is None:
                        await changed.wait()
                    else:
                        self._ask_for(slot)
                        await self._await(slot, changed)
        except TimeoutError:
            return Failure(UNAVAILABLE, f"version {key.version!r} is not loaded in this pod yet")

    async def _await(self, slot: Slot, changed: asyncio.Event) -> None:
        slot.awaiting += 1
        try:
            await changed.wait()
        finally:
            slot.awaiting -= 1
            self._berths.wake()

    def _ask_for(self, slot: Slot, urgency: Urgency = Urgency.DEMAND) -> None:
        if slot.is_loading:
            self._berths.hurry(slot.key)
        else:
            slot.is_loading = True  # the task begins later, and others may ask before it does
            self._spawn(self._bring_in(slot, urgency))

    async def _bring_in(self, slot: Slot, urgency: Urgency) -> None:
        """Load a version, or let it stand by where nothing is free for it. Never raises."""
        slot.is_loading, slot.asked_at = True, time.monotonic()
        slot.terms = terms_of(slot.spec)
        try:
            if is_remote(slot.spec.runtime):
                await self._reach(slot)
            else:
                await self._come(slot, urgency)
        except LoadError as error:
            self._take_failure(slot, error)
        except Exception as error:
            log.exception("bringing in %s broke", slot.key)
            self._take_failure(slot, LoadError(raised(error)))
        finally:
            slot.is_loading = False
            self._tell_waiting()

    async def _come(self, slot: Slot, urgency: Urgency) -> None:
        """Have the version's files, see whether it can ever be in memory, and load it. Raises LoadError."""
        is_fetched = not is_at_hand(slot.spec)
        is_ahead = urgency is Urgency.AHEAD and not slot.spec.pinned
        if is_fetched and is_ahead and not self._has_room(max(slot.size, 1)):
            slot.stand_by()  # nothing is fetched for a place that there is not
            return
        if is_fetched:
            slot.move(Status(VersionState.LOADING))
        async with self._loads.placed(slot, partial(self._is_held, slot)) as placed:
            slot.size = slot.size or await asyncio.to_thread(self._preflight, placed.spec)
            if not self._is_held(slot):
                return
            admit(self._pool, slot)
            if urgency is Urgency.AHEAD and self._pool.is_pinned(slot.key):
                urgency = Urgency.PROOF
            if urgency is Urgency.AHEAD and not self._has_room(slot.size):
                slot.stand_by()
            else:
                await self._berthed(slot, placed, urgency)

    async def _berthed(self, slot: Slot, placed: Placed, urgency: Urgency) -> None:
        slot.move(Status(VersionState.LOADING))
        asked = Urgency.DEMAND if slot.awaiting else urgency
        if await self._berths.take(slot.key, slot.size, asked):
            await self._loaded(slot, placed)
        elif self._is_held(slot):
            slot.stand_by()

    def _has_room(self, size: int) -> bool:
        return self._pool.lacks(self._berths.expected + size) <= 0

    async def _reach(self, slot: Slot) -> None:
        """Load a version that computes elsewhere; a server that does not answer is asked again."""
        slot.move(Status(VersionState.LOADING))
        pause_s = FIRST_PAUSE_S
        while self._is_held(slot):
            try:
                async with self._loads.placed(slot, partial(self._is_held, slot)) as placed:
                    await self._loaded(slot, placed)
                return
            except LoadError as error:
                if error.failure.code not in PASSING:
                    raise
                log.warning("%s: %s", slot.key, error)
                slot.move(Status(VersionState.LOADING, error.failure.message))
            await asyncio.sleep(pause_s)
            pause_s = min(MOST_PAUSE_S, 2 * pause_s)

    async def _loaded(self, slot: Slot, placed: Placed) -> None:
        """Load a version that has its files and its berth, and take it in. Raises LoadError."""
        is_confined = wants_process(slot, self.quarantine)
        try:
            artifact = await self._loads.load(slot, placed, is_confined)
            self._take_in(slot, artifact)
            slot.is_confined = is_confined
        finally:
            self._berths.leave(slot.key)

    def _take_failure(self, slot: Slot, error: LoadError) -> None:
        log.warning("%s: %s", slot.key, error)
        if not self._is_held(slot):
            return  # released meanwhile: nobody is to hear of it
        if slot.resident is None:
            self._fail(slot, error)
        elif slot.is_confined and self.quarantine.holds(slot.key):
            self.quarantine.hold([slot.key], SUSPECTED_S)  # it stays where it is for a while
        else:
            slot.remark(error.failure.message)
            slot.retry_at = time.monotonic() + RETRY_S

    def _take_in(self, slot: Slot, artifact: Artifact) -> None:
        loaded = artifact.loaded
        resident = self._inhabitant(slot, loaded)
        room = self._pool.room(slot.key)
        if not self._is_held(slot) or loaded.footprint > room:
            self._pool.pass_by(slot.key, loaded.footprint)
            resident.retire()
            if loaded.footprint > room:
                raise LoadError(crowded(loaded.footprint, room, self._pool.limit))
            return  # released meanwhile
        if slot.resident is not None:
            slot.resident.retire()  # it leaves quarantine
        if not isinstance(loaded, RemoteModel):
            self._pool.add(slot.key, loaded.footprint)
        slot.take(resident, artifact.sha256)
        while self._pool.lacks(0) > self._pool.leaving and (oldest := self._victim()) not in (None, slot.key):
            self._evict(oldest)

    def _inhabitant(self, slot: Slot, loaded: Loaded) -> Inhabitant:
        if isinstance(loaded, RemoteModel):
            return Distant(slot.key, loaded, lambda: self._spawn(self._loads.part_with(loaded)))
        mark = self._journal.claim(slot.key)
        lane: Lane = Executor(f"compute {slot.key}")
        if not loaded.isolated:
            bounds = bounds_of(slot.spec, self._settings)
            lane = Executor(f"compute {slot.key}", bounds.timeout_s, partial(self._hung, slot.key))
        return Resident(loaded, lane, mark, partial(self._unload, loaded, lane, mark))

    def _fail(self, slot: Slot, error: LoadError) -> None:
        if slot.is_proven:
            slot.retry_at = time.monotonic() + RETRY_S
        else:
            self._pool.unpin(slot.key)
        slot.move(Status(VersionState.FAILED, error.failure.message))

    def _is_held(self, slot: Slot) -> bool:
        return self._slots.get(slot.key) is slot

    def _victim(self) -> Key | None:
        return victim(self._pool, self._slots)

    def _evict(self, key: Key) -> None:
        log.info("%s leaves memory", key)
        self._put_out(self._slots[key])

    def _hung(self, key: Key) -> None:
        log.warning("%s hangs; it goes into quarantine, and this process is replaced", key)
        self.quarantine.hold([key], GUILTY_S)
        self.recycle.set()

    def _put_out(self, slot: Slot) -> None:
        self._pool.put_out(slot.key)
        if slot.resident is not None:
            slot.resident.retire()
            slot.resident, slot.is_confined, slot.use.in_memory = None, False, False

    def _unload(self, loaded: Loaded, lane: Lane, mark: Mark) -> None:
        self._spawn(self._unloaded(loaded, lane, mark))

    async def _unloaded(self, loaded: Loaded, lane: Lane, mark: Mark) -> None:
        await self._loads.unload(loaded)
        lane.close()
        self._journal.free(mark)
        self._pool.left(loaded.footprint)
        self._berths.wake()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell_waiting(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
