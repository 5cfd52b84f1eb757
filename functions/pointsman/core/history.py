"""Which commands a table has taken in, so that the control topic may be read again from its beginning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from pointsman.core.table import Place, RouteTable

# As long as the tables of a job may take to be rebuilt from their snapshots.
REBUILD_S: Final = 120


def noted(table: RouteTable, place: Place | None) -> RouteTable:
    """Return the table with the command at `place` taken in, whatever became of it.

    A model that never had a table gets none by it: a refused command leaves nothing behind. So with the first
    one all that came before it in either lane is taken as refused; the model did not exist.
    """
    if place is None or not table.epoch:
        return table
    known = table.obeyed or (msgspec.structs.replace(place, keyless=not place.keyless),)
    return msgspec.structs.replace(
        table, obeyed=(*_others(known, place), place), history=_others(table.history, place)
    )


def is_history(table: RouteTable, place: Place | None) -> bool:
    """Whether the table was rebuilt from a snapshot that the command at `place` had gone into."""
    return place is not None and any(
        _lane(known) == _lane(place) and place.offset <= known.offset for known in table.history
    )


def rebuilt(snapshot: RouteTable) -> RouteTable:
    """Return the table that begins where a snapshot ends: all it has taken in is history."""
    return msgspec.structs.replace(snapshot, history=snapshot.obeyed)


def _others(places: Iterable[Place], place: Place) -> tuple[Place, ...]:
    return tuple(known for known in places if _lane(known) != _lane(place))


def _lane(place: Place) -> tuple[int, bool]:
    return place.partition, place.keyless
