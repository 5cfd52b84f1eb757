"""Children come back, whatever keeps them from it for a while."""

from __future__ import annotations

import asyncio
import errno
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from pointsman.localstack import probe, topics
from pointsman.localstack.assembly import Assembly
from pointsman.localstack.child import Child, Command
from pointsman.localstack.ports import reserve
from pointsman.localstack.supervision import Supervision
from pointsman.settings import Settings


class Waiter(Child):
    """A process that waits. `faults` are raised by its next starts, in turn."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name, folder / f"{name}.log", reserve())
        self.address = ""
        self.faults: list[OSError] = []
        self._folder = folder

    def command(self) -> Command:
        """Return the command, or raise what is to be raised."""
        if self.faults:
            raise self.faults.pop()
        return Command((sys.executable, "-c", "import signal; signal.pause()"), {}, self._folder)

    def is_ready(self) -> bool:
        """Be ready at once."""
        return True


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Waiter]:
    """Return the children of a stack without a broker to ask."""

    async def answered(_kafka: str) -> None:
        return None

    monkeypatch.setattr(probe, "round_trip", answered)
    monkeypatch.setattr(topics, "create", lambda *_: [])
    return {name: Waiter(name, tmp_path) for name in ("engine", "router", "kafka")}


def assembly_of(children: dict[str, Waiter]) -> Assembly:
    made = SimpleNamespace(
        engine=children["engine"],
        router=children["router"],
        broker=children["kafka"],
        redis=None,
        pods={},
        gateway=None,
        settings=Settings(),
        children=tuple(children.values()),
        enter_pools=lambda: None,
    )
    return cast("Assembly", made)


def test_a_child_comes_back_although_the_disk_was_full(children: dict[str, Waiter]) -> None:
    async def story() -> None:
        stack = Supervision(assembly_of(children), lambda: None)
        await stack.start()
        try:
            router = children["router"]
            router.faults = [OSError(errno.ENOSPC, "No space left on device")]
            before = router.pid
            stack.kill("router")
            async with asyncio.timeout(20):
                await stack.until_ready()
            assert router.alive
            assert router.pid != before
            assert not router.faults
            assert stack.records["router"].restarts == 2
        finally:
            await stack.stop()

    asyncio.run(story())
    assert not any(child.alive for child in children.values())
