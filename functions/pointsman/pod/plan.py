"""Which versions a pod must hold, from a model's route table."""

from __future__ import annotations

from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.runtimes.base import Key


def wanted(table: RouteTable, pool: str) -> dict[Key, VersionEntry]:
    """Return the versions of `pool` that a pod holds. A draining version still answers what it was sent."""
    return {
        Key(table.model, entry.version, entry.generation): entry
        for entry in table.versions.values()
        if entry.spec.pool == pool and entry.state is not VersionState.RETIRED
    }


def is_proven(entry: VersionEntry) -> bool:
    """Whether some pod has loaded a version, so that another can say that it serves without doing so.

    In the table of an older release only the state says it.
    """
    return entry.proven or entry.state is VersionState.READY
