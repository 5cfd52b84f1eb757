"""A version whose computing happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from pointsman.core.tensor import Item, Signature
from pointsman.runtimes.base import UNRUN, Fault, Result
from pointsman.runtimes.batched import infer_batched
from pointsman.runtimes.remote.options import Options
from pointsman.runtimes.remote.trouble import Trouble, Unsent


class Service(Protocol):
    """A remote, as its protocol speaks to it. Calls block, until `until` on the monotonic clock at most."""

    def answer(self, items: Sequence[Item], max_batch: int, until: float) -> list[Result]:
        """Return one result per item, in order, UNRUN where there was no connection. Never raises."""

    def close(self) -> None:
        """Close its connections."""


class RemoteModel:
    """Waits on sockets: several of its calls may be in flight, and none can hang."""

    isolated = True
    footprint = 0

    def __init__(self, service: Service, options: Options, signature: Signature | None) -> None:
        self.signature = signature
        self.connections = options.connections
        self.timeout_s = options.timeout_s
        self._service = service

    def answer(self, items: Sequence[Item], max_batch: int, until: float) -> list[Result]:
        """Return one result per item, in order, by `until` on the monotonic clock."""
        return self._service.answer(items, max_batch, until)

    def infer(self, items: Sequence[Item], max_batch: int) -> list[Result]:
        """Return one result per item, in order."""
        return self.answer(items, max_batch, time.monotonic() + self.timeout_s)

    def warm(self, item: Item, max_batch: int) -> Result:
        """Ask with an example."""
        [result] = self.infer([item], max_batch)
        return result

    def unload(self) -> None:
        """Close the connections."""
        self._service.close()


class Exchange(Protocol):
    """A call that takes the rows of many requests at once and returns as many; raises Trouble or Unsent."""

    def __call__(self, batch: Item, until: float) -> Item:
        """Return the outputs."""


def answer_batched(exchange: Exchange, items: Sequence[Item], max_batch: int, until: float) -> list[Result]:
    """Return one result per item; where the remote refuses many together the one to blame is searched for."""

    def forward(batch: Item) -> Item:
        try:
            return exchange(batch, until)
        except Unsent:
            raise Fault(UNRUN, final=True) from None
        except Trouble as trouble:
            raise Fault(trouble.failure, final=not trouble.is_ours) from None

    return infer_batched(forward, items, max_batch)
