"""A pod: a host that follows the routes topic, announces what it holds, and serves it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from confluent_kafka import Producer

from pointsman.core.table import RouteTable
from pointsman.http.app import App
from pointsman.pod.announcer import Announcer
from pointsman.pod.follower import Follower
from pointsman.pod.moves import Moves
from pointsman.pod.reconciler import Reconciler
from pointsman.pod.serving import application
from pointsman.runtimes.host import Host
from pointsman.settings import Settings
from pointsman.stores.fetcher import Fetcher

log = logging.getLogger(__name__)

# Builds the HTTP application around a host. Named, not imported: the rooms `pod` and `statefun` do not know
# each other, so that the protocol can be exchanged.
FUNCTIONS: Final = "pointsman.statefun.models_app:models_app"


class Pod:
    """The parts of a pod on one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.host = Host(settings, place=Fetcher(settings).place)
        producer = Producer({"bootstrap.servers": settings.kafka, "linger.ms": 0}, logger=log)
        self._announcer = Announcer(settings, self.host, producer, lambda: time.time_ns() // 1_000_000)
        self._reconciler = Reconciler(self.host, settings.pool, self._announcer.changed)
        self.moves = Moves()
        self._follower = Follower(settings.kafka, self._learn)

    def is_ready(self) -> bool:
        """Whether the pod knows what it should hold; loading that may still take its time."""
        return self._follower.caught_up

    def _learn(self, model: str, table: RouteTable | None) -> None:
        self._reconciler.apply(model, table)
        self.moves.note(model, table)

    @contextlib.asynccontextmanager
    async def lifetime(self) -> AsyncIterator[None]:
        """Follow and announce while the application runs."""
        self._follower.start()
        hearts = [asyncio.create_task(work) for work in (self._announcer.run(), self.host.live())]
        try:
            yield
        finally:
            for heart in hearts:
                heart.cancel()
            await asyncio.gather(*hearts, return_exceptions=True)
            await self._follower.stop()
            await self._reconciler.close()
            await self.host.close()

    async def leave(self) -> None:
        """Say goodbye, before the calls in flight are waited for: no new ones should come.

        A process that is only replaced says nothing: its calls wait at the socket for the next one, and a
        model that hung must not make all others of the pod unreachable.
        """
        if not self.host.recycle.is_set():
            await asyncio.to_thread(self._announcer.leave)


def pod_app(settings: Settings, functions: str = FUNCTIONS) -> App:
    """Return the application of a pod process."""
    pod = Pod(settings)
    build: Any = application(functions)
    app: App = build(settings, pod.host, pod.is_ready, pod.moves.is_outdated)
    app.recycle = pod.host.recycle
    app.lifetimes.append(pod.lifetime)
    app.farewells.append(pod.leave)
    return app
