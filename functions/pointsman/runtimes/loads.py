"""How versions come into memory and leave it: their files, their process, the threads that wait for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeAlias

import msgspec

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.core.uri import is_at_hand
from pointsman.heap import trim
from pointsman.runtimes.arrival import AtHand, Place, Placed, Telling
from pointsman.runtimes.base import Key, Loaded
from pointsman.runtimes.berths import LOADERS
from pointsman.runtimes.confined import confine
from pointsman.runtimes.framework import is_remote, target_of
from pointsman.runtimes.journal import Journal
from pointsman.runtimes.loader import Artifact, load
from pointsman.runtimes.priority import give_way
from pointsman.runtimes.process import Nursery, start_children
from pointsman.runtimes.quarantine import GUILTY_S, Quarantine
from pointsman.runtimes.slot import Slot, Status
from pointsman.settings import Settings

# Remotes that do not answer must not keep others waiting.
REMOTE_LOADERS: Final = 64

Loader: TypeAlias = Callable[[VersionSpec, Settings, Callable[[], None]], Artifact]


class Loads:
    """Loads and unloads for one host, each on a thread that may wait for minutes. Lives on one event loop."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        quarantine: Quarantine,
        loader: Loader = load,
        confiner: Callable[..., Artifact] = confine,
        place: Place | None = None,
    ) -> None:
        """`place` brings the files of a version to this disk; None: they are where the version says."""
        self._settings = settings
        self._journal = journal
        self._quarantine = quarantine
        self._loader = loader
        self._confiner = confiner
        self._place = place
        self._nursery = Nursery()
        # A library's own threads, where a pass has several, begin in a load and compute ever after.
        manner = give_way if settings.threads == 1 else None
        # One more than there are loads at a time: what is to leave must not wait for what takes minutes.
        self._threads = ThreadPoolExecutor(LOADERS + 1, thread_name_prefix="load", initializer=manner)
        self._carriers = ThreadPoolExecutor(LOADERS, thread_name_prefix="fetch")
        self._remotes = ThreadPoolExecutor(REMOTE_LOADERS, thread_name_prefix="load remote")
        self._has_unloaded = False
        self._kept: dict[int, Placed] = {}  # by the id of the loaded version
        start_children()

    @contextlib.asynccontextmanager
    async def placed(self, slot: Slot, is_wanted: Callable[[], bool]) -> AsyncIterator[Placed]:
        """Have a version's files on this disk. Raises LoadError.

        What nobody wants any more is not fetched on. Files of a version in a process of its own stay until it
        is unloaded: its next process opens them again.
        """
        placed = await self._at_hand(slot, is_wanted)
        try:
            yield placed
        finally:
            if all(kept is not placed for kept in self._kept.values()):
                placed.release()

    async def load(self, slot: Slot, placed: Placed, is_confined: bool) -> Artifact:
        """Return a version loaded and warm; confined: in a process of its own. Raises LoadError."""
        loop = asyncio.get_running_loop()

        def warming() -> None:
            loop.call_soon_threadsafe(slot.move, Status(VersionState.WARMING))

        is_far = is_remote(slot.spec.runtime)
        settings = msgspec.structs.replace(self._settings, trusted_stores=placed.trusted_stores)
        work = partial(self._load, slot.key, is_confined, placed.spec, settings, warming)
        mark = self._journal.claim(slot.key)
        mark.loading()
        try:
            artifact = await loop.run_in_executor(self._remotes if is_far else self._threads, work)
        finally:
            self._journal.free(mark)
        if artifact.loaded.isolated and not is_far:
            self._kept[id(artifact.loaded)] = placed
        return artifact

    async def unload(self, loaded: Loaded) -> None:
        """Free what a version holds."""
        await asyncio.get_running_loop().run_in_executor(self._threads, loaded.unload)
        kept = self._kept.pop(id(loaded), None)
        if kept is not None:
            kept.release()
        self._has_unloaded = True

    async def part_with(self, remote: Loaded) -> None:
        """Close the connections of a version that computes elsewhere."""
        await asyncio.get_running_loop().run_in_executor(self._remotes, remote.unload)

    async def tidy(self, is_quiet: bool) -> None:
        """Give back the memory of what was unloaded, and where nothing is to be confined its preparations."""
        if self._has_unloaded:
            self._has_unloaded = False
            await asyncio.to_thread(trim)
        if is_quiet:
            self._nursery.rest()

    def close(self) -> None:
        """End processes and threads."""
        self._nursery.close()
        for threads in (self._threads, self._carriers, self._remotes):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _at_hand(self, slot: Slot, is_wanted: Callable[[], bool]) -> Placed:
        if self._place is None:
            return AtHand(slot.spec, self._settings.trusted_stores)
        loop = asyncio.get_running_loop()

        def move(reason: str) -> None:
            loop.call_soon_threadsafe(slot.move, Status(VersionState.LOADING, reason))

        target_of(slot.spec.runtime)  # nothing is fetched for a runtime that is not here
        work = partial(self._place, slot.spec, Telling(move, is_wanted))
        # What need not be fetched does not wait behind what is.
        return await loop.run_in_executor(None if is_at_hand(slot.spec) else self._carriers, work)

    def _load(
        self, key: Key, is_confined: bool, spec: VersionSpec, settings: Settings, warming: Callable[[], None]
    ) -> Artifact:
        if not is_confined:
            return self._loader(spec, settings, warming)
        on_ending = partial(self._quarantine.hold, [key], GUILTY_S)
        return self._confiner(
            spec, settings, warming, name=str(key), nursery=self._nursery, on_ending=on_ending
        )
