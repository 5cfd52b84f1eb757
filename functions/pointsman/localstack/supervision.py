"""Starts the children in the order of their needs, brings back those that die, stops them all."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable

from pointsman.errors import StackError
from pointsman.localstack import probe, record, topics
from pointsman.localstack.assembly import Assembly
from pointsman.localstack.child import POLL_S, Child
from pointsman.localstack.record import ChildRecord

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0
_HEALTHY_S = 5.0  # one that lived longer is no start that fails: it comes back at once

Change = Callable[[], None]


class Supervision:
    """The life of one assembly, inside one event loop.

    `records` is the state of each child, kept current; `changed` is called after every change of it.
    """

    def __init__(self, assembly: Assembly, changed: Change) -> None:
        self.assembly = assembly
        self.records: dict[str, ChildRecord] = {}
        self._changed = changed
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._held: set[str] = set()
        self._children = {child.name: child for child in assembly.children}

    async def start(self) -> None:
        """Return when the whole stack answers. Raises StackError where a child cannot start."""
        self.assembly.enter_pools()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._bring_up(self.assembly.router))
                if self.assembly.redis:
                    group.create_task(self._bring_up(self.assembly.redis))
                group.create_task(self._stream())
        except* StackError as failures:
            raise _first(failures) from None
        await probe.round_trip(self.assembly.broker.address)

    async def stop(self) -> None:
        """Stop every child, receivers last."""
        for watcher in self._watchers.values():
            watcher.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)
        *rest, broker = self.assembly.children
        await asyncio.gather(*(child.stop() for child in rest))
        await broker.stop()

    def kill(self, name: str, *, hold: bool = False) -> None:
        """SIGKILL a child; it comes back at once unless `hold`, then with `resume`."""
        if hold:
            self.hold(name)
        self._note(self.child(name), state="down")
        self.child(name).signal(signal.SIGKILL)

    async def resume(self, name: str) -> None:
        """Bring back a child that was held down, and return when it is ready."""
        self.release(name)
        await self.until_ready()

    def hold(self, name: str) -> None:
        """Do not bring a child back when it ends."""
        self._held.add(name)

    def release(self, name: str) -> None:
        """Bring a child back that was held, and go on doing so."""
        self._held.discard(name)

    async def take_down(self, name: str) -> None:
        """Stop a child and leave it so until `bring_back`."""
        child = self.child(name)
        await self._stop_watching(child)
        self._note(child, state="down", note="")
        await child.stop()

    async def bring_back(self, name: str) -> None:
        """Start a child that was taken down. Raises StackError where it does not start: it is down then."""
        child = self.child(name)
        self.release(name)
        try:
            await self._bring_up(child)
        except StackError:
            await child.stop()
            self._note(child, state="down")
            raise

    def try_again(self, name: str) -> None:
        """Start a child that is down, over and over until it is ready."""
        child = self.child(name)
        self._watchers[name] = asyncio.create_task(self._watch(child))

    async def _stop_watching(self, child: Child) -> None:
        watcher = self._watchers.pop(child.name, None)
        if watcher is not None:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)

    async def until_ready(self) -> None:
        """Return when every child that is not held down is ready. The caller sets the time limit."""
        while any(entry.state != "ready" for name, entry in self.records.items() if name not in self._held):
            await asyncio.sleep(POLL_S)

    def child(self, name: str) -> Child:
        """Return a child by its name. Raises StackError where there is none."""
        if name not in self._children:
            raise StackError(f"no process {name!r} in this stack; there are {', '.join(self._children)}")
        return self._children[name]

    async def _stream(self) -> None:
        await self._bring_up(self.assembly.broker)
        wanted = topics.wanted(self.assembly.settings)
        await asyncio.to_thread(topics.create, self.assembly.broker.address, wanted)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._bring_up(self.assembly.engine))
            for pod in self.assembly.pods.values():
                group.create_task(self._bring_up(pod))
            if self.assembly.gateway:
                group.create_task(self._bring_up(self.assembly.gateway))

    async def _bring_up(self, child: Child) -> None:
        began = time.monotonic()
        await self._start(child)
        self._note(child, seconds=time.monotonic() - began)
        self._watchers[child.name] = asyncio.create_task(self._watch(child))

    async def _start(self, child: Child) -> None:
        self._note(child, state="starting")
        starting = asyncio.create_task(child.start())
        try:
            while not starting.done():
                await asyncio.wait((starting,), timeout=POLL_S)
                self._note(child)
            await starting
        finally:
            starting.cancel()
        self._note(child, state="ready")

    async def _watch(self, child: Child) -> None:
        delay, began = _FIRST_DELAY_S, time.monotonic()
        while True:
            await child.wait()
            entry = self.records[child.name]
            self._note(child, state="down", restarts=entry.restarts + 1)
            delay = (
                _FIRST_DELAY_S if time.monotonic() - began > _HEALTHY_S else min(delay * 2, _LONGEST_DELAY_S)
            )
            await asyncio.sleep(delay)
            while child.name in self._held:
                await asyncio.sleep(POLL_S)
            began = time.monotonic()
            try:
                await self._start(child)
            except (StackError, OSError) as error:  # a full disk too: the next attempt may find it emptied
                self._note(child, state="down", note=str(error).partition("\n")[0])
                await child.stop()

    def _note(self, child: Child, **changes: object) -> None:
        entry = self.records.setdefault(child.name, ChildRecord(0, 0, child.port, "down"))
        if child.pid != entry.pid:
            changes |= {"pid": child.pid, "started": record.start_ticks(child.pid)}
        changes = {name: value for name, value in changes.items() if getattr(entry, name) != value}
        for name, value in changes.items():
            setattr(entry, name, value)
        if changes:
            self._changed()


def _first(failures: BaseExceptionGroup[StackError]) -> StackError:
    """Return the failure that came first, out of however many groups."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
