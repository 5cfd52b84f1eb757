"""Which versions a pod must hold, from a model's route table."""

from __future__ import annotations

from pointsman.core.spec import VersionSpec
from pointsman.core.table import RouteTable, VersionState
from pointsman.runtimes.base import Key


def wanted(table: RouteTable, pool: str) -> dict[Key, VersionSpec]:
    """Return the versions of `pool` that a pod holds. A draining version still answers what it was sent."""
    return {
        Key(table.model, entry.version, entry.generation): entry.spec
        for entry in table.versions.values()
        if entry.spec.pool == pool and entry.state is not VersionState.RETIRED
    }
