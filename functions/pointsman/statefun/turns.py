"""How much of a queue one call takes on: a call that outlives the transport's patience is made again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from pointsman.runtimes.base import Key

# A turn is meant to take this long, so that a shift of the traffic is seen soon; but it is no smaller than a
# common micro-batch, unless that would take LONG_TURN_MS. After CALL_MS a call takes no further turn.
# Together with a forward pass at its own limit that stays below the transport's 60 s (`call` in module.yaml).
TURN_MS: Final = 200
LONG_TURN_MS: Final = 5_000
WHOLE: Final = 256
CALL_MS: Final = 20_000
FIRST: Final = 32
_KEPT: Final = 1_024


class Turns:
    """Time per item of each version, as its last turn showed it."""

    def __init__(self) -> None:
        self._ms_per_item: OrderedDict[Key, float] = OrderedDict()

    def share(self, key: Key, left: int) -> int:
        """Return how many of the items left the next turn takes: few of a new version, all of a fast one."""
        pace = self._ms_per_item.get(key)
        if pace is None:
            return min(left, FIRST)
        if pace * left <= TURN_MS:
            return left
        return min(left, max(1, int(TURN_MS / pace), min(WHOLE, int(LONG_TURN_MS / pace))))

    def took(self, key: Key, items: int, elapsed_ms: int) -> None:
        """Remember what a turn took."""
        self._ms_per_item[key] = elapsed_ms / items
        self._ms_per_item.move_to_end(key)
        if len(self._ms_per_item) > _KEPT:
            self._ms_per_item.popitem(last=False)
