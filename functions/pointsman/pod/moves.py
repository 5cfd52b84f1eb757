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
    epoch: int
    shares: tuple[object, ...]
    moved_epoch: int
    moved_at: float


class Moves:
    """Remembers, for each model, the last epoch that dealt its traffic out differently."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def note(self, model: str, table: RouteTable | None) -> None:
        """Compare a model's new table with the last one.

        While nobody serves, nothing has moved: what waits at the pods is better answered there.
        """
        before = self._seen.pop(model, None)
        if table is None:
            return
        shares = _shares(table) or (before.shares if before else ())
        if before is None or not before.shares:
            self._seen[model] = _Seen(table.epoch, shares, 0, 0.0)
        elif shares != before.shares and table.epoch > before.epoch:
            self._seen[model] = _Seen(table.epoch, shares, table.epoch, self._clock())
        else:
            self._seen[model] = before._replace(epoch=table.epoch, shares=shares)

    def is_outdated(self, model: str, epoch: int) -> bool:
        """Whether a later epoch, a few seconds old at most, deals the traffic out differently."""
        seen = self._seen.get(model)
        return seen is not None and epoch < seen.moved_epoch and self._clock() - seen.moved_at < FRESH_S


def _shares(table: RouteTable) -> tuple[object, ...]:
    """Return all that decides which version a request gets; empty where none serves."""
    weights = effective_split(table)
    return (weights, table.route.experiment, table.route.sticky) if weights else ()
