"""What a fault may lay hands on, and what it can wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.chaos.awaited import PATIENCE_S, awaited
from benchmarks.chaos.load import Load
from benchmarks.chaos.proxy import Proxy
from benchmarks.chaos.release import Releases
from pointsman.client import Client
from pointsman.localstack import checkpoints
from pointsman.localstack.stack import Stack
from pointsman.testing import ledger

NEWEST: Final = 5_000  # finals that are looked through for the first after a blow


class Scene:
    """A running stack under load."""

    def __init__(
        self, stack: Stack, proxy: Proxy, releases: Releases, book: ledger.Ledger, work: Load
    ) -> None:
        self.stack = stack
        self.proxy = proxy
        self.releases = releases
        self.ledger = book
        self.work = work

    def until_answer(self, since_ms: int, *, prefix: str = "", version: str = "") -> int:
        """Return when the first request that was sent later was answered, in ms of the machine's clock.

        `prefix` is of its id, `version` is who must answer. Raises TimeoutError.
        """

        def answered() -> int | None:
            newest = self.ledger.newest(NEWEST)
            return min((one.written_ms for one in newest if fits(one)), default=None)

        def fits(one: ledger.Final) -> bool:
            is_later = self.work.sent_ms.get(one.id, 0) > since_ms and not one.error
            return is_later and one.id.startswith(prefix) and version in ("", one.version)

        return awaited(answered, "no answer")

    def until_checkpoint(self, since_ms: int) -> None:
        """Return when there is a checkpoint that was written later. Raises TimeoutError."""

        def found() -> bool | None:
            written = checkpoints.written(self.stack.home.checkpoints)
            return any(at_ns // 1_000_000 > since_ms for at_ns, _ in written) or None

        awaited(found, "no checkpoint")

    def apply(self, spec: Mapping[str, Any]) -> None:
        """Publish a model. Raises TimedOut."""
        asyncio.run(publish(self.stack.kafka, spec))


async def publish(kafka: str, spec: Mapping[str, Any]) -> None:
    """Apply a model's description and return when that is acknowledged."""
    async with Client(kafka) as client:
        await client.apply(spec, timeout=PATIENCE_S)
