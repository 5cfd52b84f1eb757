"""A remote version in a host: its trouble is its own, whatever it is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.errors import DEADLINE_EXCEEDED, UNAVAILABLE, Failure
from pointsman.http.app import Request, Response
from pointsman.runtimes import host as host_module
from pointsman.runtimes.base import UNRUN, Key
from pointsman.runtimes.host import Host
from pointsman.settings import Settings
from tests.unit.gateway.scene import SIGNATURE
from tests.unit.http.thread import ServerThread
from tests.unit.runtimes.remote.servers import (
    DESCRIBED,
    ONE,
    Script,
    after,
    hang,
    json_answer,
    raw,
    rows,
    spec,
)

FAR, NEAR = Key("far", "1", 1), Key("near", "1", 1)
NEAR_SPEC = VersionSpec(uri="python:tests.unit.runtimes.classes:Doubler", runtime="python")


def tell(story: Callable[[Host], Awaitable[None]], *remotes: str, **settings: int) -> None:
    async def told() -> None:
        host = Host(Settings(remotes=remotes, **settings))  # type: ignore[arg-type]
        try:
            await asyncio.wait_for(story(host), 30)
        finally:
            await host.close()

    asyncio.run(told())


def far(url: str, **fields: Any) -> VersionSpec:
    return spec(f"{url}/v2/models/m", signature=SIGNATURE, **fields)


def quietly(_: VersionState, __: str) -> None:
    """Hear of a state, and do nothing."""


def test_one_that_hangs_ends_in_its_time_and_nothing_is_replaced_or_put_into_quarantine() -> None:
    async def story(host: Host) -> None:
        await host.hold(FAR, far(url, options={"timeout_ms": 1_000, "retries": 0}), quietly)
        ran = await host.run(FAR, [rows(1), rows(2)])
        assert [result.code for result in ran.results if isinstance(result, Failure)] == [
            DEADLINE_EXCEEDED
        ] * 2
        assert not host.recycle.is_set()
        assert not host.quarantine.holds(FAR)
        assert host.held()[FAR].state is VersionState.READY

    with raw(after(hang)) as url:
        tell(story, url, compute_timeout_ms=200)


def test_others_compute_while_every_connection_of_one_hangs() -> None:
    async def story(host: Host) -> None:
        await host.hold(FAR, far(url, options={"timeout_ms": 20_000, "connections": 2}), quietly)
        await host.hold(NEAR, NEAR_SPEC, quietly)
        hanging = [asyncio.create_task(host.run(FAR, [rows(1)])) for _ in range(6)]
        for _ in range(20):
            [result] = (await host.run(NEAR, [rows(3)])).results
            assert isinstance(result, dict)
        assert not any(task.done() for task in hanging)
        let_go.set()
        await asyncio.gather(*hanging)

    let_go = threading.Event()

    async def until_then(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        while not let_go.is_set():
            await asyncio.sleep(0.01)

    with raw(after(until_then)) as url:
        tell(story, url)


def test_a_request_waits_no_longer_than_its_own_deadline_and_its_neighbour_has_all_its_time() -> None:
    async def slow(request: Request) -> Response:
        if len(script.requests) > 1:
            await asyncio.sleep(0.7)
        return await script(request)

    async def story(host: Host) -> None:
        await host.hold(FAR, far(server.url), quietly)
        began = time.monotonic()
        ran = await host.run(FAR, [rows(1), rows(2)], [150, 0])
        assert time.monotonic() - began > 0.6
        late, served = ran.results
        assert isinstance(late, Failure)
        assert late.code == DEADLINE_EXCEEDED
        assert isinstance(served, dict)

    script = Script(DESCRIBED, ONE)
    with ServerThread(slow) as server:
        tell(story, server.url)


def test_what_found_no_connection_in_its_time_is_brought_again() -> None:
    async def story(host: Host) -> None:
        options = {"timeout_ms": 500, "connections": 1, "retries": 0}
        await host.hold(FAR, far(url, options=options), quietly)
        ran = await asyncio.gather(*[host.run(FAR, [rows(1)]) for _ in range(3)])
        results = [result for one in ran for result in one.results]
        assert sum(result is UNRUN for result in results) == 2
        assert (
            sum(isinstance(result, Failure) and result.code == DEADLINE_EXCEEDED for result in results) == 1
        )

    with raw(after(hang)) as url:
        tell(story, url)


def test_one_that_is_down_when_it_is_registered_stays_loading_until_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host_module, "FIRST_PAUSE_S", 0.01)
    states: list[tuple[VersionState, str]] = []

    async def story(host: Host) -> None:
        await host.hold(FAR, far(server.url), lambda state, reason: states.append((state, reason)))
        [result] = (await host.run(FAR, [rows(1)])).results
        assert isinstance(result, dict)

    down = json_answer({"error": "starting"}, 503)
    with ServerThread(Script(down, down, down, down, DESCRIBED, ONE)) as server:
        tell(story, server.url)
    loading, ready = VersionState.LOADING, VersionState.READY
    assert states[:2] == [(loading, ""), (loading, "the remote says: starting")]
    assert states[-1] == (ready, "")
    assert VersionState.FAILED not in {state for state, _ in states}


def test_one_that_is_down_is_not_asked_again_once_nobody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "FIRST_PAUSE_S", 0.01)

    async def story(host: Host) -> None:
        holding = asyncio.create_task(host.hold(FAR, far(server.url), quietly))
        while not script.requests:
            await asyncio.sleep(0.01)
        await host.release(FAR)
        await holding
        asked = len(script.requests)
        assert FAR not in host.held()
        await asyncio.sleep(0.05)
        assert len(script.requests) == asked

    script = Script(json_answer({"error": "starting"}, 503))
    with ServerThread(script) as server:
        tell(story, server.url)


def test_one_that_may_not_be_asked_has_failed_and_says_why() -> None:
    async def story(host: Host) -> None:
        await host.hold(FAR, far("http://127.0.0.1:9"), quietly)
        status = host.held()[FAR]
        assert (status.state, "`remotes`" in status.reason) == (VersionState.FAILED, True)
        [result] = (await host.run(FAR, [rows(1)])).results
        assert isinstance(result, Failure)
        assert result.code == UNAVAILABLE

    tell(story, "http://127.0.0.1:10")


def test_a_remote_takes_no_memory_from_versions_that_have_weights() -> None:
    async def story(host: Host) -> None:
        await host.hold(FAR, far(server.url), quietly)
        await host.hold(NEAR, NEAR_SPEC, quietly)
        await host.hold(Key("near", "2", 1), NEAR_SPEC, quietly)  # the first one leaves for it
        [result] = (await host.run(FAR, [rows(1)])).results
        assert isinstance(result, dict)
        assert len(script.requests) == 3

    script = Script(DESCRIBED, ONE)
    with ServerThread(script) as server:
        tell(story, server.url, cache_bytes=1)
