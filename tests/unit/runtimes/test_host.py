from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.core.tensor import Item, Signature
from pointsman.errors import DEADLINE_EXCEEDED, INTERNAL, NOT_FOUND, UNAVAILABLE, Failure, LoadError
from pointsman.runtimes import journal
from pointsman.runtimes.base import UNRUN, Key, Result
from pointsman.runtimes.host import Host
from pointsman.runtimes.loader import Artifact
from pointsman.runtimes.quarantine import LOOK_S, Quarantine
from pointsman.settings import Settings

KEY = Key("digits", "1", 1)
OTHER = Key("digits", "2", 1)
SPEC = VersionSpec(uri="file:///nowhere", max_batch=4)


class Fake:
    """A loaded version whose pass is a function."""

    signature: Signature | None = None
    isolated = False

    def __init__(self, infer: Callable[[Sequence[Item]], list[Result]] = list, footprint: int = 10) -> None:
        self.footprint = footprint
        self.unloaded = threading.Event()
        self.batches: list[int] = []
        self._infer = infer

    def infer(self, items: Sequence[Item], max_batch: int) -> list[Result]:
        self.batches.append(len(items))
        return self._infer(items)

    def warm(self, item: Item, max_batch: int) -> Result:
        return item

    def unload(self) -> None:
        self.unloaded.set()


class Loads:
    """A loader that gives what it was told to, by uri, and waits at its gate."""

    def __init__(self, **loaded: Fake | LoadError) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.count = 0
        self._loaded = loaded

    def put(self, uri: str, loaded: Fake | LoadError) -> None:
        """Give something else from now on."""
        self._loaded[uri] = loaded

    def __call__(self, spec: VersionSpec, settings: Settings, on_warming: Callable[[], None]) -> Artifact:
        self.count += 1
        self.gate.wait(5)
        on_warming()
        loaded = self._loaded[spec.uri]
        if isinstance(loaded, LoadError):
            raise loaded
        return Artifact(loaded, "abc")


def item(value: float, rows: int = 1) -> Item:
    return {"x": np.full((rows, 2), value)}


def tell(
    story: Callable[[Host], Awaitable[None]],
    loader: Any,
    confined: Any = None,
    preflight: Callable[[VersionSpec], int] = lambda spec: 10,
    **settings: Any,
) -> None:
    def confine(spec: VersionSpec, settings: Settings, on_warming: Any, **_: Any) -> Artifact:
        artifact: Artifact = confined(spec, settings, on_warming)
        return artifact

    async def told() -> None:
        host = Host(Settings(**settings), loader, confine, preflight)
        try:
            await asyncio.wait_for(story(host), 20)
        finally:
            await host.close()

    asyncio.run(told())


def told_states() -> tuple[list[tuple[str, str]], Callable[[VersionState, str], None]]:
    states: list[tuple[str, str]] = []
    return states, lambda state, reason: states.append((state.value, reason))


async def ready(host: Host, key: Key, uri: str, max_batch: int = 4) -> None:
    await host.hold(key, VersionSpec(uri=uri, max_batch=max_batch), lambda state, reason: None)


def test_a_version_becomes_ready_and_serves() -> None:
    async def story(host: Host) -> None:
        states, on_state = told_states()
        await host.hold(KEY, VersionSpec(uri="a", max_batch=4), on_state)
        assert states == [("LOADING", ""), ("WARMING", ""), ("READY", "")]
        assert host.held()[KEY].sha256 == "abc"
        ran = await host.run(KEY, [item(n) for n in range(10)])
        assert [float(result["x"][0, 0]) for result in ran.results if isinstance(result, dict)] == list(
            range(10)
        )
        assert fake.batches == [4, 4, 2]
        assert ran.rows == 4
        assert ran.compute_us >= 0

    fake = Fake()
    tell(story, Loads(a=fake))


def test_a_version_that_cannot_be_loaded_says_why() -> None:
    async def story(host: Host) -> None:
        states, on_state = told_states()
        await host.hold(KEY, VersionSpec(uri="a"), on_state)
        assert states[-1] == ("FAILED", "no file")
        ran = await host.run(KEY, [item(1), item(2)])
        assert ran.results == [Failure(UNAVAILABLE, "version '1' failed to load: no file")] * 2
        assert not ran.is_absent

    tell(story, Loads(a=LoadError(Failure(NOT_FOUND, "no file"))))


def test_a_call_waits_for_a_version_that_is_being_loaded() -> None:
    async def story(host: Host) -> None:
        loads.gate.clear()
        running = asyncio.create_task(host.run(KEY, [item(1)]))  # before anybody wanted it
        holding = asyncio.create_task(ready(host, KEY, "a"))
        while not loads.count:
            await asyncio.sleep(0)
        assert not running.done()
        loads.gate.set()
        await holding
        assert isinstance((await running).results[0], dict)

    loads = Loads(a=Fake())
    tell(story, loads)


def test_an_unknown_version_is_unavailable_in_the_end() -> None:
    async def story(host: Host) -> None:
        ran = await host.run(KEY, [item(1)])
        assert ran.results == [Failure(UNAVAILABLE, "version '1' is not loaded in this pod yet")]
        assert ran.is_absent

    tell(story, Loads(), load_wait_ms=20)


def test_a_hang_brings_its_version_into_quarantine_and_a_new_process_while_others_are_served() -> None:
    async def story(host: Host) -> None:
        await ready(host, KEY, "a")
        await ready(host, OTHER, "b")
        hung = asyncio.create_task(host.run(KEY, [item(n) for n in range(6)]))
        other = asyncio.create_task(host.run(OTHER, [item(1)]))
        assert isinstance((await other).results[0], dict)
        assert all(result is UNRUN for result in (await hung).results)
        assert host.recycle.is_set()
        assert host.quarantine.holds(KEY)
        assert not host.quarantine.holds(OTHER)
        never.set()

    never = threading.Event()
    tell(story, Loads(a=Fake(lambda items: [{}] * never.wait()), b=Fake()), compute_timeout_ms=100)


def test_a_runtime_that_breaks_its_word_is_a_failure_too() -> None:
    async def story(host: Host) -> None:
        await ready(host, KEY, "a")
        ran = await host.run(KEY, [item(1)])
        assert ran.results == [Failure(INTERNAL, "the model raised KeyError: 'oops'")]

    def infer(items: Sequence[Item]) -> list[Result]:
        raise KeyError("oops")

    tell(story, Loads(a=Fake(infer)))


def test_a_version_pushed_out_of_memory_comes_back_when_asked_for_and_stays_ready() -> None:
    async def story(host: Host) -> None:
        states, on_state = told_states()
        await host.hold(KEY, VersionSpec(uri="a"), on_state)
        await ready(host, OTHER, "b")
        assert await asyncio.to_thread(fake.unloaded.wait, 5)
        ran = await host.run(KEY, [item(1)])
        assert isinstance(ran.results[0], dict)
        assert [state for state, _ in states] == ["LOADING", "WARMING", "READY"]
        assert loads.count == 3

    fake = Fake()
    loads = Loads(a=fake, b=Fake())
    tell(story, loads, cache_bytes=15)


def test_a_released_version_ends_its_work_before_it_is_unloaded() -> None:
    async def story(host: Host) -> None:
        await ready(host, KEY, "a")
        running = asyncio.create_task(host.run(KEY, [item(1)]))
        assert await asyncio.to_thread(started.wait, 5)
        await host.release(KEY)
        assert not fake.unloaded.is_set()
        gate.set()
        assert isinstance((await running).results[0], dict)
        assert await asyncio.to_thread(fake.unloaded.wait, 5)
        assert host.held() == {}

    started, gate = threading.Event(), threading.Event()

    def infer(items: Sequence[Item]) -> list[Result]:
        started.set()
        gate.wait(5)
        return list(items)

    fake = Fake(infer)
    tell(story, Loads(a=fake))


def test_a_version_released_while_it_loads_never_becomes_ready() -> None:
    async def story(host: Host) -> None:
        loads.gate.clear()
        states, on_state = told_states()
        holding = asyncio.create_task(host.hold(KEY, VersionSpec(uri="a"), on_state))
        while not loads.count:
            await asyncio.sleep(0)
        await host.release(KEY)
        loads.gate.set()
        await holding
        assert "READY" not in [state for state, _ in states]
        assert await asyncio.to_thread(fake.unloaded.wait, 5)

    fake = Fake()
    loads = Loads(a=fake)
    tell(story, loads)


def test_holding_again_changes_the_serving_options_only() -> None:
    async def story(host: Host) -> None:
        await ready(host, KEY, "a", max_batch=4)
        await ready(host, KEY, "a", max_batch=2)
        await host.run(KEY, [item(n) for n in range(4)])
        assert fake.batches == [2, 2]
        assert loads.count == 1
        spec = host.spec(KEY)
        assert spec is not None
        assert spec.max_batch == 2
        assert host.spec(OTHER) is None
        assert host.signature(OTHER) is None

    fake = Fake()
    loads = Loads(a=fake)
    tell(story, loads)


def test_an_isolated_version_that_takes_long_does_not_stop_the_others() -> None:
    async def story(host: Host) -> None:
        await ready(host, KEY, "a")
        await ready(host, OTHER, "b")
        slow = asyncio.create_task(host.run(KEY, [item(1)]))
        assert isinstance((await host.run(OTHER, [item(1)])).results[0], dict)
        assert not slow.done()
        gate.set()
        await slow

    gate = threading.Event()

    def infer(items: Sequence[Item]) -> list[Result]:
        gate.wait(5)
        return list(items)

    slow = Fake(infer)
    slow.isolated = True
    tell(story, Loads(a=slow, b=Fake()))


def test_after_a_hang_an_isolated_version_does_not_try_the_rest_of_the_batch() -> None:
    async def story(host: Host) -> None:
        await ready(host, KEY, "a", max_batch=1)
        ran = await host.run(KEY, [item(n) for n in range(4)])
        assert ran.results[0] == Failure(DEADLINE_EXCEEDED, "hung")
        assert all(result is UNRUN for result in ran.results[1:])
        assert hung.batches == [1]

    hung = Fake(lambda items: [Failure(DEADLINE_EXCEEDED, "hung") for _ in items])
    hung.isolated = True
    tell(story, Loads(a=hung))


def isolated_fake() -> Fake:
    fake = Fake()
    fake.isolated = True
    return fake


def test_a_version_in_quarantine_is_loaded_into_a_process_of_its_own() -> None:
    async def story(host: Host) -> None:
        host.quarantine.hold([KEY], 60)
        await ready(host, KEY, "a")
        await ready(host, OTHER, "b")
        await host.run(KEY, [item(1)])
        await host.run(OTHER, [item(1)])
        assert (apart.batches, other.batches) == ([1], [1])

    apart, other = isolated_fake(), Fake()
    tell(story, Loads(b=other), Loads(a=apart))


def test_a_version_goes_into_quarantine_while_it_serves() -> None:
    async def story(host: Host) -> None:
        states, on_state = told_states()
        await host.hold(KEY, VersionSpec(uri="a"), on_state)
        await host.run(KEY, [item(1)])
        Quarantine(folder).hold([KEY], 60)  # another worker of the pool had reason to
        await asyncio.sleep(LOOK_S)  # until it looks
        await host.run(KEY, [item(1)])
        assert (here.batches, apart.batches) == ([1], [1])
        assert await asyncio.to_thread(here.unloaded.wait, 5)
        assert [state for state, _ in states] == ["LOADING", "WARMING", "READY"]

    here, apart = Fake(), isolated_fake()
    with tempfile.TemporaryDirectory() as folder:
        tell(story, Loads(a=here), Loads(a=apart), journal=folder)


def test_a_version_comes_back_after_its_term_and_serves_all_the_while() -> None:
    async def story(host: Host) -> None:
        host.quarantine.hold([KEY], 0.3)
        await ready(host, KEY, "a")
        living = asyncio.create_task(host.live())
        loads.gate.clear()
        while not loads.count:
            await asyncio.sleep(0.01)
        await host.run(KEY, [item(1)])  # while it is being loaded again
        assert len(apart.batches) == 1
        loads.gate.set()
        assert await asyncio.to_thread(apart.unloaded.wait, 5)
        await host.run(KEY, [item(1)])
        assert (here.batches, len(apart.batches)) == ([1], 1)
        living.cancel()

    here, apart = Fake(), isolated_fake()
    loads = Loads(a=here)
    tell(story, loads, Loads(a=apart))


def test_the_journal_tells_what_runs_and_what_is_loaded() -> None:
    async def story(host: Host) -> None:
        place = journal.path_of(folder, os.getpid())
        loads.gate.clear()
        holding = asyncio.create_task(ready(host, KEY, "a"))
        while not loads.count:
            await asyncio.sleep(0)
        assert journal.read(place).loading == {KEY}
        loads.gate.set()
        await holding
        running = asyncio.create_task(host.run(KEY, [item(1)]))
        assert await asyncio.to_thread(started.wait, 5)
        found = journal.read(place)
        assert (set(found.passing), set(found.loading)) == ({KEY}, set())
        gate.set()
        await running
        found = journal.read(place)
        assert not found.passing | found.loading

    def infer(items: Sequence[Item]) -> list[Result]:
        started.set()
        gate.wait(5)
        return list(items)

    started, gate = threading.Event(), threading.Event()
    loads = Loads(a=Fake(infer))
    with tempfile.TemporaryDirectory() as folder:
        tell(story, loads, journal=folder)
