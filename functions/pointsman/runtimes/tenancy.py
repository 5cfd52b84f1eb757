"""Which versions may be in memory, which stay there, and which one leaves next."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.core.table import VersionState
from pointsman.errors import LoadError
from pointsman.runtimes.base import Key
from pointsman.runtimes.berths import crowded
from pointsman.runtimes.pool import Pool
from pointsman.runtimes.slot import Slot


def admit(pool: Pool, slot: Slot) -> None:
    """Refuse what can never fit, before it is loaded, and pin what asks for it; raises LoadError."""
    room = pool.room(slot.key)
    if slot.size > room:
        raise LoadError(crowded(slot.size, room, pool.limit))
    if slot.spec.pinned:
        pool.pin(slot.key, slot.size)


def repin(pool: Pool, slot: Slot) -> None:
    """Pin a version that is held, or let it go, as its description now says; where it does not fit say so."""
    if slot.spec.pinned is pool.is_pinned(slot.key):
        return
    if not slot.spec.pinned:
        pool.unpin(slot.key)
    elif slot.status.state is VersionState.FAILED:
        return
    elif slot.size > (room := pool.room(slot.key)):
        slot.remark(f"not pinned: {crowded(slot.size, room, pool.limit).message}")
    else:
        pool.pin(slot.key, slot.size)
        slot.remark("")


def victim(pool: Pool, slots: Mapping[Key, Slot]) -> Key | None:
    """Return the version used least recently, rather one at rest; None that is pinned or waited for."""
    free = [key for key in pool if not pool.is_pinned(key) and not slots[key].awaiting]
    return next((key for key in free if not slots[key].is_busy), next(iter(free), None))
