"""Sends labelled rows to models at a steady rate and keeps the ledger of their answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import cycle
from typing import Final, NamedTuple

from pointsman.client import Client, Inputs
from pointsman.errors import TimedOut
from pointsman_examples.ledger import Ledger

TICK_S: Final = 0.01
# A stack that falls behind is waited for, so that the demo measures it and not a backlog.
MAX_UNDER_WAY: Final = 1000
SILENCE_S: Final = 30.0


class Labelled(NamedTuple):
    """An input and its right class."""

    inputs: Inputs
    truth: int


class Source(NamedTuple):
    """Rows for one model, sent over and over at `rate` per second."""

    model: str
    rows: list[Labelled]
    rate: float


class Stream:
    """Traffic that flows while `run` runs."""

    def __init__(self, client: Client, ledger: Ledger) -> None:
        self._client = client
        self.ledger = ledger

    async def run(self, sources: list[Source], seconds: float) -> None:
        """Send for `seconds` and return when all is answered, or nothing comes for SILENCE_S."""
        sending = asyncio.gather(*(self._send(source, seconds) for source in sources))
        try:
            await self._collect(sending)
        except TimedOut:
            return  # what is still under way counts as lost
        finally:
            sending.cancel()

    async def _collect(self, sending: asyncio.Future[list[None]]) -> None:
        while True:
            async for prediction in self._client.results(SILENCE_S):
                self.ledger.note_answer(prediction)
            if sending.done():
                break
            await asyncio.wait((sending,), timeout=TICK_S)  # nothing is under way at this moment
        await sending

    async def _send(self, source: Source, seconds: float) -> None:
        rows: Iterator[Labelled] = cycle(source.rows)
        start, sent = time.perf_counter(), 0
        while (passed := time.perf_counter() - start) < seconds:
            while sent < passed * source.rate and self.ledger.under_way < MAX_UNDER_WAY:
                await self._send_one(source.model, next(rows))
                sent += 1
            await asyncio.sleep(TICK_S)

    async def _send_one(self, model: str, row: Labelled) -> None:
        at = time.perf_counter()
        request_id = await self._client.submit(model, row.inputs)
        self.ledger.note_sent(request_id, model, row.truth, at)
