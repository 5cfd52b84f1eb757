from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from pointsman.core.spec import VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.pod.reconciler import Reconciler
from pointsman.runtimes.base import Key
from pointsman.runtimes.slot import OnState, Status

READY = VersionState.READY


class Shelf:
    """Holds what it is told to, at once."""

    def __init__(self) -> None:
        self.specs: dict[Key, VersionSpec] = {}
        self.states: dict[Key, OnState] = {}

    async def hold(self, key: Key, spec: VersionSpec, on_state: OnState, is_proven: bool = False) -> None:
        self.specs[key] = spec
        self.states[key] = on_state
        on_state(READY, "")

    async def release(self, key: Key) -> None:
        del self.specs[key]

    def held(self) -> Mapping[Key, Status]:
        return dict.fromkeys(self.specs, Status(READY))


def table(*versions: str, generation: int = 1, pool: str = "default", max_batch: int = 8) -> RouteTable:
    spec = VersionSpec(uri="file:///a", pool=pool, max_batch=max_batch)
    return RouteTable("m", versions={name: VersionEntry(name, spec, READY, generation) for name in versions})


def tell(story: Callable[[Reconciler, Shelf, list[str]], Awaitable[None]]) -> None:
    async def told() -> None:
        shelf, changed = Shelf(), list[str]()
        reconciler = Reconciler(shelf, "default", changed.append)
        await story(reconciler, shelf, changed)
        await reconciler.close()

    asyncio.run(told())


async def settle(reconciler: Reconciler) -> None:
    while reconciler.is_busy:
        await asyncio.sleep(0)


def test_versions_come_and_go_with_the_table() -> None:
    async def story(reconciler: Reconciler, shelf: Shelf, changed: list[str]) -> None:
        reconciler.apply("m", table("1", "2"))
        await settle(reconciler)
        assert set(shelf.specs) == {Key("m", "1", 1), Key("m", "2", 1)}
        reconciler.apply("m", table("2", "3"))
        await settle(reconciler)
        assert set(shelf.specs) == {Key("m", "2", 1), Key("m", "3", 1)}
        assert set(changed) == {"m"}

    tell(story)


def test_a_version_registered_anew_replaces_the_old_one() -> None:
    async def story(reconciler: Reconciler, shelf: Shelf, changed: list[str]) -> None:
        reconciler.apply("m", table("1"))
        reconciler.apply("m", table("1", generation=5))
        await settle(reconciler)
        assert set(shelf.specs) == {Key("m", "1", 5)}

    tell(story)


def test_a_model_that_is_gone_is_released_and_said_so() -> None:
    async def story(reconciler: Reconciler, shelf: Shelf, changed: list[str]) -> None:
        reconciler.apply("m", table("1"))
        await settle(reconciler)
        changed.clear()
        reconciler.apply("m", None)
        reconciler.apply("unknown", None)
        await settle(reconciler)
        assert shelf.specs == {}
        assert changed == ["m"]

    tell(story)


def test_other_pools_are_not_our_business() -> None:
    async def story(reconciler: Reconciler, shelf: Shelf, changed: list[str]) -> None:
        reconciler.apply("m", table("1", pool="gpu"))
        await settle(reconciler)
        assert shelf.specs == {}

    tell(story)


def test_new_serving_options_reach_the_host() -> None:
    async def story(reconciler: Reconciler, shelf: Shelf, changed: list[str]) -> None:
        reconciler.apply("m", table("1"))
        reconciler.apply("m", table("1", max_batch=64))
        await settle(reconciler)
        assert shelf.specs[Key("m", "1", 1)].max_batch == 64

    tell(story)
