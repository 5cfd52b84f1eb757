from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.core.tensor import Item
from pointsman.errors import UNAVAILABLE, Failure, LoadError
from pointsman.runtimes.base import Key, Result
from pointsman.runtimes.berths import LOADERS, SPARE
from pointsman.runtimes.host import Host
from pointsman.runtimes.loader import Artifact
from pointsman.runtimes.pool import Memory
from pointsman.settings import Settings
from tests.unit.runtimes.test_host import KEY, OTHER, Fake, Loads, item, ready, tell, told_states

THIRD = Key("digits", "3", 1)


class Zoo:
    """A loader of any number of versions of 10 bytes, that notes what it loads and waits at its gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.loaded: list[str] = []
        self.is_broken = False

    def __call__(self, spec: VersionSpec, settings: Settings, on_warming: Callable[[], None]) -> Artifact:
        self.loaded.append(spec.uri)
        self.gate.wait(5)
        if self.is_broken:
            raise LoadError(Failure(UNAVAILABLE, "the store is away"))
        return Artifact(Fake(), "abc")


def keys(count: int) -> list[Key]:
    return [Key(f"m{number}", "1", 1) for number in range(count)]


async def hold(
    host: Host, key: Key, uri: str = "", *, is_proven: bool = False, is_pinned: bool = False
) -> None:
    spec = VersionSpec(uri=uri or key.model, pinned=is_pinned)
    await host.hold(key, spec, lambda state, reason: None, is_proven)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)


def test_memory_is_never_overrun_whatever_is_asked_for_at_once() -> None:
    async def story(host: Host) -> None:
        await asyncio.gather(*[hold(host, key) for key in keys(60)])
        for _ in range(3):
            ran = await asyncio.gather(*[host.run(key, [item(1)]) for key in keys(60)])
            assert all(isinstance(one.results[0], dict) for one in ran)
        await until(lambda: host.memory.total == 50)
        assert host.memory == Memory(50, 50, 50)

    tell(story, Zoo(), cache_bytes=50)


def test_what_some_pod_has_loaded_is_ready_without_being_loaded_where_nothing_is_free() -> None:
    async def story(host: Host) -> None:
        await asyncio.gather(*[hold(host, key, is_proven=True) for key in keys(20)])
        assert all(status.state is VersionState.READY for status in host.held().values())
        assert len(zoo.loaded) == 5
        away = next(key for key, use in host.uses().items() if not use.in_memory)
        ran = await host.run(away, [item(1, rows=3)])
        assert isinstance(ran.results[0], dict)
        use = host.uses()[away]
        assert (use.in_memory, use.loads, use.passes, use.rows) == (True, 1, 1, 3)
        assert use.last_ms > 0

    zoo = Zoo()
    tell(story, zoo, cache_bytes=50)


def test_a_new_version_is_loaded_once_though_another_must_go_for_it() -> None:
    async def story(host: Host) -> None:
        for key in keys(8):
            await hold(host, key)
        assert zoo.loaded == [key.model for key in keys(8)]
        assert [use.in_memory for use in host.uses().values()] == [False] * 3 + [True] * 5

    zoo = Zoo()
    tell(story, zoo, cache_bytes=50)


def test_requests_that_wait_go_before_versions_that_nobody_has_asked_for() -> None:
    async def story(host: Host) -> None:
        zoo.gate.clear()
        holding = [asyncio.create_task(hold(host, key)) for key in keys(30)]
        await until(lambda: len(zoo.loaded) == LOADERS - SPARE)
        last = next(key for key in reversed(keys(30)) if key.model not in zoo.loaded)
        running = asyncio.create_task(host.run(last, [item(1)]))
        await until(lambda: last.model in zoo.loaded)
        assert len(zoo.loaded) == LOADERS - SPARE + 1
        zoo.gate.set()
        await asyncio.gather(running, *holding)

    zoo = Zoo()
    tell(story, zoo)


def test_two_calls_bring_an_evicted_version_back_once() -> None:
    async def story(host: Host) -> None:
        await ready(host, KEY, "a")
        await ready(host, OTHER, "b")
        before = len(asyncio.all_tasks())
        await asyncio.gather(*[host.run(KEY, [item(1)]) for _ in range(5)])
        assert loads.count == 3
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > before:  # a load that nobody ends would stay for ever
                await asyncio.sleep(0.001)

    loads = Loads(a=Fake(), b=Fake())
    tell(story, loads, cache_bytes=15)


def test_what_can_never_fit_is_refused_before_it_is_loaded() -> None:
    async def story(host: Host) -> None:
        states, on_state = told_states()
        await host.hold(KEY, VersionSpec(uri="a"), on_state)
        reason = "1,000 bytes are more than the setting `cache_bytes` of its pods, 999"
        assert states == [("FAILED", reason)]
        ran = await host.run(KEY, [item(1)])
        assert ran.results == [Failure(UNAVAILABLE, f"version '1' failed to load: {reason}")]
        assert loads.count == 0

    loads = Loads(a=Fake())
    tell(story, loads, preflight=lambda spec: 1_000, cache_bytes=999)


def test_what_turns_out_too_large_is_refused_and_leaves() -> None:
    async def story(host: Host) -> None:
        await hold(host, KEY, "a")
        status = host.held()[KEY]
        assert (status.state, status.reason) == (
            VersionState.FAILED,
            "1,000 bytes are more than the setting `cache_bytes` of its pods, 999",
        )
        assert await asyncio.to_thread(fake.unloaded.wait, 5)
        await until(lambda: host.memory.total == 0)

    fake = Fake(footprint=1_000)
    tell(story, Loads(a=fake), preflight=lambda spec: 0, cache_bytes=999)


def test_a_size_that_nobody_knew_beforehand_is_made_up_for() -> None:
    async def story(host: Host) -> None:
        for key in keys(8):
            await hold(host, key)
        await until(lambda: host.memory.total == 50)
        assert host.memory == Memory(50, 60, 50)

    tell(story, Zoo(), preflight=lambda spec: 0, cache_bytes=50)


def test_a_pinned_version_stays_whatever_else_is_used() -> None:
    async def story(host: Host) -> None:
        first, *rest = keys(12)
        await hold(host, first, is_pinned=True)
        for key in rest:
            await hold(host, key)
            await host.run(key, [item(1)])
        assert host.uses()[first].in_memory
        assert zoo.loaded.count(first.model) == 1

    zoo = Zoo()
    tell(story, zoo, cache_bytes=30)


def test_pins_that_do_not_fit_together_are_refused() -> None:
    async def story(host: Host) -> None:
        await hold(host, KEY, "a", is_pinned=True)
        await hold(host, OTHER, "b", is_pinned=True)
        await hold(host, THIRD, "c", is_pinned=True)
        status = host.held()[THIRD]
        assert status.state is VersionState.FAILED
        assert status.reason == (
            "10 bytes do not fit beside what is pinned: of the setting `cache_bytes`, 25, 5 are left; "
            "pin less, or raise it"
        )
        assert loads.count == 2

    loads = Loads(a=Fake(), b=Fake(), c=Fake())
    tell(story, loads, cache_bytes=25)


def test_a_version_that_serves_is_pinned_and_let_go_without_a_pause() -> None:
    async def story(host: Host) -> None:
        first, second, third, fourth = keys(4)
        for key in (first, second, third):
            await hold(host, key)
        assert not host.uses()[first].in_memory
        await hold(host, first, is_pinned=True)
        assert host.uses()[first].in_memory
        await hold(host, second, is_pinned=True)
        await hold(host, third, is_pinned=True)  # one too many
        status = host.held()[third]
        assert status.state is VersionState.READY
        assert status.reason.startswith("not pinned: 10 bytes do not fit beside what is pinned")
        await hold(host, second)
        await hold(host, third, is_pinned=True)
        assert host.held()[third].reason == ""
        await hold(host, fourth)
        assert host.held()[fourth].state is VersionState.FAILED  # two of two places are pinned

    tell(story, Zoo(), cache_bytes=20)


def test_room_is_made_only_when_the_last_pass_has_ended() -> None:
    async def story(host: Host) -> None:
        await hold(host, KEY, "a")
        running = asyncio.create_task(host.run(KEY, [item(1)]))
        assert await asyncio.to_thread(started.wait, 5)
        holding = asyncio.create_task(hold(host, OTHER, "b"))
        await until(lambda: not host.uses()[KEY].in_memory)
        assert loads.count == 1
        gate.set()
        await asyncio.gather(running, holding)
        assert host.memory == Memory(10, 10, 15)

    def infer(items: Sequence[Item]) -> list[Result]:
        started.set()
        gate.wait(5)
        return list(items)

    started, gate = threading.Event(), threading.Event()
    loads = Loads(a=Fake(infer), b=Fake())
    tell(story, loads, cache_bytes=15)


def test_versions_that_only_fit_one_at_a_time_are_all_served() -> None:
    async def story(host: Host) -> None:
        await asyncio.gather(*[hold(host, key) for key in keys(3)])
        ran = await asyncio.gather(*[host.run(key, [item(n)]) for key in keys(3) for n in range(20)])
        assert all(isinstance(one.results[0], dict) for one in ran)
        assert host.memory.peak == 10

    tell(story, Zoo(), cache_bytes=15)


def test_a_version_released_while_it_waits_for_its_turn_is_never_loaded() -> None:
    async def story(host: Host) -> None:
        zoo.gate.clear()
        holding = [asyncio.create_task(hold(host, key)) for key in keys(20)]
        await until(lambda: len(zoo.loaded) == LOADERS - SPARE)
        waiting = [key for key in keys(20) if key.model not in zoo.loaded]
        for key in waiting:
            await host.release(key)
        zoo.gate.set()
        await asyncio.gather(*holding)
        assert len(zoo.loaded) == LOADERS - SPARE

    zoo = Zoo()
    tell(story, zoo)


def test_a_version_that_was_loaded_before_and_cannot_be_now_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(host: Host) -> None:
        states, on_state = told_states()
        await host.hold(KEY, VersionSpec(uri="a"), on_state)
        await hold(host, OTHER, "b")
        loads.put("a", LoadError(Failure(UNAVAILABLE, "the store is away")))
        ran = await host.run(KEY, [item(1)])
        assert ran.results == [Failure(UNAVAILABLE, "version '1' failed to load: the store is away")]
        living = asyncio.create_task(host.live())
        tried = loads.count
        await until(lambda: loads.count > tried + 1)
        loads.put("a", Fake())
        await until(lambda: host.held()[KEY].state is VersionState.READY)
        assert isinstance((await host.run(KEY, [item(1)])).results[0], dict)
        assert [state for state, _ in states] == ["LOADING", "WARMING", "READY", "FAILED", "READY"]
        living.cancel()

    monkeypatch.setattr("pointsman.runtimes.host.RETRY_S", 0.0)
    monkeypatch.setattr("pointsman.runtimes.host.BEAT_S", 0.01)
    loads = Loads(a=Fake(), b=Fake())
    tell(story, loads, cache_bytes=15)


def test_a_version_that_was_never_loaded_and_cannot_be_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(host: Host) -> None:
        new, proven = keys(2)
        await hold(host, new)
        await hold(host, proven, is_proven=True)
        living = asyncio.create_task(host.live())
        await until(lambda: zoo.loaded.count(proven.model) > 3)
        assert zoo.loaded.count(new.model) == 1
        living.cancel()

    monkeypatch.setattr("pointsman.runtimes.host.RETRY_S", 0.0)
    monkeypatch.setattr("pointsman.runtimes.host.BEAT_S", 0.001)
    zoo = Zoo()
    zoo.is_broken = True
    tell(story, zoo)
