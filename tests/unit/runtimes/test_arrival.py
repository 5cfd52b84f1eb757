"""How a host has the files of a version brought, and tells of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.errors import FAILED_PRECONDITION, Failure, LoadError
from pointsman.runtimes.arrival import EVERY_S, FIRST_S, AtHand, Telling
from pointsman.runtimes.host import Host, Key
from pointsman.settings import Settings

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
