"""Which shards of a version take which requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import xxhash

from pointsman.core.ids import INTERACTIVE_SHARD
from pointsman.core.table import VersionEntry
from pointsman.statefun.router_state import RouterState
from pointsman.wire.head import Head

# A shard with so many requests in flight has much to do. No less than what it may leave unreported.
BUSY: Final = 512


def shards_of(
    state: RouterState, entry: VersionEntry, heads: Sequence[Head], indices: Sequence[int]
) -> list[tuple[int, Sequence[int]]]:
    """Return shards with the indices of their requests: by unit where order is asked, else all to one.

    That is the first shard with little to do, for few requests together make a batch and spread out make
    calls; where all have much to do it is the idlest. Requests for which somebody waits go beside them.
    """
    if entry.spec.ordered:
        return _by_unit(entry.spec.concurrency, heads, indices)
    interactive = [index for index in indices if heads[index].interactive]
    if not interactive:
        return [(_idlest(state, entry), indices)]
    stream = [index for index in indices if not heads[index].interactive]
    own = (INTERACTIVE_SHARD, interactive)
    return [own, (_idlest(state, entry), stream)] if stream else [own]


def _by_unit(count: int, heads: Sequence[Head], indices: Sequence[int]) -> list[tuple[int, Sequence[int]]]:
    parts: dict[int, list[int]] = {}
    for index in indices:
        unit = heads[index].unit or heads[index].id
        parts.setdefault(xxhash.xxh64_intdigest(unit.encode()) % count, []).append(index)
    return list(parts.items())


def _idlest(state: RouterState, entry: VersionEntry) -> int:
    count = entry.spec.concurrency
    if count == 1:
        return 0
    totals = [state.shard(entry, shard) for shard in range(count)]
    load = [shard.sent - shard.done for shard in totals]
    return next((n for n in range(count) if load[n] < BUSY), load.index(min(load)))
