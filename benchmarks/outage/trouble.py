"""What makes one model wait: its pool is gone, or its only version is loading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from benchmarks.outage.models import FACTORY
from benchmarks.stream import models
from benchmarks.stream.publication import publish
from pointsman.client import Client
from pointsman.localstack.stack import Stack

POOL: Final = "away"
PODS: Final = ("default", POOL)


class Trouble(Protocol):
    """Makes a model wait, again and again."""

    name: str

    async def prepare(self) -> None:
        """Publish what must be there before."""

    def lasting(self, seconds: float) -> AbstractAsyncContextManager[str]:
        """Yield the model that waits; the trouble is over after so many seconds, or at the end."""


class Outage:
    """A pool is gone, with the only pod of a model."""

    name = "pool gone"

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack = stack
        version = models.version(models.artifact(folder, 1))
        self._spec = models.single("remote", {**version, "pool": POOL})

    async def prepare(self) -> None:
        """Publish the model."""
        await publish(self._stack.kafka, [self._spec])

    @asynccontextmanager
    async def lasting(self, seconds: float) -> AsyncIterator[str]:
        """Kill the pool, and bring it back at the end."""
        await asyncio.to_thread(self._stack.kill, f"pod-{POOL}", hold=True)
        try:
            yield str(self._spec["model"])
        finally:
            await asyncio.to_thread(self._stack.resume, f"pod-{POOL}")


class Load:
    """A model is published whose only version takes long to load."""

    name = "load"

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack = stack
        self._path = models.artifact(folder, 1)
        self._count = 0

    async def prepare(self) -> None:
        """Publish nothing: each time it is another model."""

    @asynccontextmanager
    async def lasting(self, seconds: float) -> AsyncIterator[str]:
        """Publish a model that loads for so long."""
        self._count += 1
        name = f"late-{self._count}"
        options = {"load_s": str(seconds)}
        version = {"uri": self._path.as_uri(), "runtime": "torch", "factory": FACTORY, "options": options}
        async with Client(self._stack.kafka) as client:
            await client.apply(models.single(name, version))
        yield name
