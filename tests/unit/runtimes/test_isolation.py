"""Where a version computes, as it says or is told anew, and how long a pass may take."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item
from pointsman.errors import NOT_FOUND, Failure, LoadError
from pointsman.runtimes.base import UNRUN, Result
from pointsman.runtimes.host import Host
from pointsman.runtimes.priority import LEAST, NICE, give_way
from pointsman.settings import Settings
from tests.unit.runtimes.test_host import KEY, OTHER, Fake, Loads, isolated_fake, item, tell, told_states


def test_a_version_that_asks_for_a_process_has_one_from_the_start() -> None:
    async def story(host: Host) -> None:
        await host.hold(KEY, VersionSpec(uri="a", isolation="process"), lambda state, reason: None)
        await host.run(KEY, [item(1)])
        assert apart.batches == [1]

    apart = isolated_fake()
    tell(story, Loads(), Loads(a=apart))


def test_a_version_described_anew_changes_its_place_and_serves_all_the_while() -> None:
    async def story(host: Host) -> None:
        states, on_state = told_states()
        living = asyncio.create_task(host.live())
        for isolation, left in (("", None), ("process", here), ("thread", apart)):
            await host.hold(KEY, VersionSpec(uri="a", isolation=isolation), on_state)
            if left is not None:
                assert await asyncio.to_thread(left.unloaded.wait, 5)
            ran = await host.run(KEY, [item(1)])
            assert isinstance(ran.results[0], dict)
        assert (here.batches, apart.batches) == ([1, 1], [1])
        assert [state for state, _ in states] == ["LOADING", "WARMING", "READY"]
        living.cancel()

    here, apart = Fake(), isolated_fake()
    tell(story, Loads(a=here), Loads(a=apart))


def test_a_pinned_version_that_leaves_no_room_for_its_second_self_changes_its_place_all_the_same() -> None:
    async def story(host: Host) -> None:
        living = asyncio.create_task(host.live())
        await host.hold(KEY, VersionSpec(uri="a", pinned=True), lambda state, reason: None)
        await host.hold(
            KEY, VersionSpec(uri="a", pinned=True, isolation="process"), lambda state, reason: None
        )
        assert await asyncio.to_thread(here.unloaded.wait, 5)
        await host.hold(OTHER, VersionSpec(uri="b"), lambda state, reason: None)
        ran = await host.run(KEY, [item(1)])
        assert isinstance(ran.results[0], dict)
        assert apart.batches == [1]
        living.cancel()

    here, apart = Fake(), isolated_fake()
    tell(story, Loads(a=here, b=Fake()), Loads(a=apart), cache_bytes=29)


def test_a_version_that_cannot_go_where_it_is_told_says_so_and_serves_on() -> None:
    async def story(host: Host) -> None:
        living = asyncio.create_task(host.live())
        await host.hold(KEY, VersionSpec(uri="a"), lambda state, reason: None)
        await host.hold(KEY, VersionSpec(uri="a", isolation="process"), lambda state, reason: None)
        async with asyncio.timeout(5):
            while host.held()[KEY].reason != "no process for it":
                await asyncio.sleep(0.01)
        ran = await host.run(KEY, [item(1)])
        assert isinstance(ran.results[0], dict)
        assert not host.quarantine.holds(KEY)
        living.cancel()

    failed = LoadError(Failure(NOT_FOUND, "no process for it"))
    tell(story, Loads(a=Fake()), Loads(a=failed))


def children() -> list[int]:
    """Return the processes of versions that this one has started."""
    lists = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [pid for one in lists for pid in one.read_text().split()]
    return [int(pid) for pid in pids if "runtimes.child" in Path(f"/proc/{pid}/cmdline").read_text()]


def test_a_process_has_the_priority_of_its_pod_though_its_load_gives_way() -> None:
    async def story() -> None:
        host = Host(Settings())
        spec = VersionSpec(uri="python:tests.unit.runtimes.classes:Doubler", runtime="python")
        await host.hold(KEY, spec, lambda state, reason: None)
        (process,) = children()
        assert os.getpriority(os.PRIO_PROCESS, process) == os.getpriority(os.PRIO_PROCESS, 0)
        await host.close()

    asyncio.run(story())


def test_a_version_that_failed_is_tried_again_when_it_is_described_anew() -> None:
    async def story(host: Host) -> None:
        states, on_state = told_states()
        living = asyncio.create_task(host.live())
        await host.hold(KEY, VersionSpec(uri="a"), on_state)
        assert states[-1] == ("FAILED", "no file")
        await host.hold(KEY, VersionSpec(uri="a", isolation="process"), on_state)
        while states[-1] != ("READY", ""):
            await asyncio.sleep(0.01)
        living.cancel()

    failed = LoadError(Failure(NOT_FOUND, "no file"))
    tell(story, Loads(a=failed), Loads(a=isolated_fake()))


def test_a_version_s_own_time_is_what_counts() -> None:
    async def story(host: Host) -> None:
        spec = VersionSpec(uri="a", compute_timeout=100)
        await host.hold(KEY, spec, lambda state, reason: None)
        ran = await host.run(KEY, [item(1)])
        assert ran.results == [UNRUN]
        assert host.recycle.is_set()
        gate.set()

    def wait(items: Sequence[Item]) -> list[Result]:
        gate.wait(20)
        return list(items)

    gate = threading.Event()
    tell(story, Loads(a=Fake(wait)))


def test_a_thread_that_gives_way_is_alone_in_it() -> None:
    def own() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def work() -> None:
        give_way()
        found.append(own())

    found: list[int] = []
    before = own()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [min(before + NICE, LEAST)]
    assert own() == before
