"""Which models' traffic has just been shifted, as the routes topic tells it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from pointsman.core.table import RouteTable, effective_split

# A shift is acted on for so long. After a restore the router may stand at an older epoch than the topic
# shows; what is sent back to it then comes again under that epoch, and must not do so for ever.
FRESH_S: Final = 5.0


class _Seen(NamedTuple):
    table: RouteTable
    moved_epoch: int
    moved_at: float


class Moves:
    """Remembers, for each model, the last epoch that changed who is served by which version."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def note(self, model: str, table: RouteTable | None) -> None:
        """Compare a model's new table with the last one."""
        before = self._seen.pop(model, None)
        if table is None:
            return
        if before is None:
            self._seen[model] = _Seen(table, 0, 0.0)
        elif effective_split(before.table) != effective_split(table) and table.epoch > before.table.epoch:
            self._seen[model] = _Seen(table, table.epoch, self._clock())
        else:
            self._seen[model] = before._replace(table=table)

    def is_outdated(self, model: str, epoch: int) -> bool:
        """Whether a later epoch, a few seconds old at most, shares the traffic out differently."""
        seen = self._seen.get(model)
        return seen is not None and epoch < seen.moved_epoch and self._clock() - seen.moved_at < FRESH_S
