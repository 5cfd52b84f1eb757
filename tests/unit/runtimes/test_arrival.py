"""How a host has the files of a version brought, and tells of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.errors import FAILED_PRECONDITION, Failure, LoadError
from pointsman.runtimes.arrival import EVERY_S, FIRST_S, AtHand, Telling
from pointsman.runtimes.artifact import path_of
from pointsman.runtimes.host import Host, Key
from pointsman.runtimes.loader import Artifact
from pointsman.settings import Settings
from tests.unit.runtimes.test_host import Fake, Loads, isolated_fake

KEY = Key("churn", "1", 1)


def test_slow_work_is_told_of_seldom() -> None:
    now, told = [0.0], list[str]()
    telling = Telling(told.append, lambda: True, lambda: now[0])
    for tenths in range(round(10 * (FIRST_S + 2 * EVERY_S))):
        now[0] = tenths / 10
        telling(str(now[0]))
    assert told == [str(FIRST_S), str(FIRST_S + EVERY_S)]


def test_a_version_that_cannot_be_fetched_fails_with_the_reason() -> None:
    def place(spec: VersionSpec, tell: Callable[[str], None]) -> AtHand:
        raise LoadError(Failure(FAILED_PRECONDITION, "uri: not allowed", "uri"))

    async def story() -> None:
        host = Host(Settings(), place=place)
        await host.hold(KEY, VersionSpec("https://models.example/a.pt"), lambda state, reason: None)
        status = host.held()[KEY]
        assert (status.state, status.reason) == (VersionState.FAILED, "uri: not allowed")
        await host.close()

    asyncio.run(story())


def test_a_release_ends_the_fetch_and_nobody_hears_of_a_failure() -> None:
    begun, ended = threading.Event(), list[str]()

    def place(spec: VersionSpec, tell: Callable[[str], None]) -> AtHand:
        begun.set()
        try:
            while True:
                tell("1 of 2 MB")
        except LoadError as error:
            ended.append(str(error))
            raise

    async def story() -> None:
        host, states = Host(Settings(), place=place), list[VersionState]()
        spec = VersionSpec("https://models.example/a.pt")
        held = asyncio.create_task(host.hold(KEY, spec, lambda state, _: states.append(state)))
        await asyncio.to_thread(begun.wait, 5)
        await host.release(KEY)
        await asyncio.wait_for(held, 5)
        assert (states, ended) == ([VersionState.LOADING], ["the version is not wanted any more"])
        await host.close()

    asyncio.run(story())


class Kept(AtHand):
    """Files that note when they may go."""

    is_released = False

    def release(self) -> None:
        """See Placed."""
        self.is_released = True


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_the_files_of_a_version_in_a_process_stay_until_it_is_unloaded(isolation: str) -> None:
    placed = list[Kept]()

    def place(spec: VersionSpec, tell: Callable[[str], None]) -> Kept:
        placed.append(Kept(spec, ()))
        return placed[-1]

    async def story() -> None:
        def confine(spec: VersionSpec, settings: Settings, on_warming: Any, **_: Any) -> Artifact:
            return Artifact(isolated_fake(), "")

        host = Host(Settings(), Loads(a=Fake()), confine, lambda spec: 10, place)
        await host.hold(KEY, VersionSpec("a", isolation=isolation), lambda state, reason: None)
        assert host.held()[KEY].state is VersionState.READY
        assert placed[0].is_released is (isolation == "thread")
        await host.release(KEY)
        async with asyncio.timeout(5):
            while not placed[0].is_released:
                await asyncio.sleep(0.001)
        await host.close()

    asyncio.run(story())


def test_the_size_of_what_was_fetched_is_known_before_it_is_loaded() -> None:
    sized = list[str]()

    def preflight(spec: VersionSpec) -> int:
        sized.append(spec.uri)
        return 1_000

    def place(spec: VersionSpec, tell: Callable[[str], None]) -> AtHand:
        return AtHand(VersionSpec("file:///cache/a.pt"), ())

    async def story() -> None:
        host = Host(Settings(cache_bytes=999), Loads(), preflight=preflight, place=place)
        await host.hold(KEY, VersionSpec("https://models.example/a.pt"), lambda state, reason: None)
        assert host.held()[KEY].reason.startswith("1,000 bytes are more than")
        assert sized == ["file:///cache/a.pt"]
        await host.close()

    asyncio.run(story())


def test_what_breaks_on_the_way_is_a_failure_and_no_version_that_loads_for_ever() -> None:
    def place(spec: VersionSpec, tell: Callable[[str], None]) -> AtHand:
        raise ValueError("no such thing")

    async def story() -> None:
        host = Host(Settings(), place=place)
        await host.hold(KEY, VersionSpec("file:///a.pt"), lambda state, reason: None)
        status = host.held()[KEY]
        assert (status.state, "no such thing" in status.reason) == (VersionState.FAILED, True)
        await host.close()

    asyncio.run(story())


@pytest.mark.parametrize("uri", ["file://[x", "file:///" + "a" * 300, "file:///a%00b"])
def test_a_path_that_cannot_be_looked_at_is_refused(uri: str) -> None:
    with pytest.raises(LoadError, match="uri"):
        path_of(uri)
