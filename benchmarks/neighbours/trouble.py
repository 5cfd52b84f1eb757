"""What a version does to its pod, again and again: it hangs, crashes, or 500 MB of it are loaded."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from benchmarks.neighbours.models import FACTORY, WIDTH
from benchmarks.stream import models
from pointsman.client import Client
from pointsman.errors import Refused

READY_S: Final = 120.0
# As benchmarks.poison.models obeys them.
ORDERS: Final = {"hangs": -5.0, "crashes": -1.0}


class Trouble(Protocol):
    """Makes trouble until it is cancelled."""

    name: str
    count: int
    """How often it did."""

    async def prepare(self, client: Client) -> None:
        """Publish what must be there before."""

    def go_on(self, client: Client) -> Coroutine[Any, Any, None]:
        """Make trouble again and again."""


class Deadly:
    """A model in a process of its own is asked for what ends it, or stops it."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.count = 0
        version = {
            "uri": path.as_uri(),
            "factory": "benchmarks.poison.models:perilous",
            "isolation": "process",
            "compute_timeout": "1s",
        }
        self._spec = models.single(f"it-{name}", version)

    async def prepare(self, client: Client) -> None:
        """Publish the model."""
        await client.apply(self._spec, timeout=READY_S)
        await self._ask(client, 0.0)

    async def go_on(self, client: Client) -> None:
        """Ask for it; each time with another row, so that each costs what it may."""
        while True:
            self.count += 1
            try:
                await self._ask(client, ORDERS[self.name])
            except Refused:
                continue  # as it should be: the request is to blame

    async def _ask(self, client: Client, order: float) -> None:
        row = np.array([[order, self.count, 0, 0]], "<f4")
        await client.predict(str(self._spec["model"]), {"x": row}, timeout=READY_S)


class Loads:
    """A model whose only version is replaced by another of 500 MB as soon as it answers."""

    name = "loads"

    def __init__(self, path: Path) -> None:
        self.count = 0
        self._version = {"uri": path.as_uri(), "runtime": "torch", "factory": FACTORY}

    async def prepare(self, client: Client) -> None:
        """Publish the first version."""
        await self._publish(client)

    async def go_on(self, client: Client) -> None:
        """Publish one after the other; the one before retires."""
        while True:
            await self._publish(client)

    async def _publish(self, client: Client) -> None:
        self.count += 1
        name = str(self.count)
        spec = {"model": "it-loads", "versions": {name: self._version}, "route": {"split": {name: 100}}}
        await client.apply(spec, timeout=READY_S)
        row = np.zeros((1, WIDTH), "<f4")
        await client.predict("it-loads", {"x": row}, version=name, timeout=READY_S)
