"""The status of a model's versions in TensorFlow Serving's form, which also answers KServe's V1 protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from pointsman.core.table import RouteTable, VersionEntry, VersionState, effective_split, is_serving
from pointsman.errors import Failure
from pointsman.wire.tfs_error import no_status, not_found
from pointsman.wire.tfs_path import TfsPath

# Each state with its error code. UNREACHABLE versions may come back, but nobody can say where they are in
# their life.
STATES: Final[Mapping[VersionState, tuple[str, str]]] = {
    VersionState.REGISTERED: ("START", "OK"),
    VersionState.LOADING: ("LOADING", "OK"),
    VersionState.WARMING: ("LOADING", "OK"),
    VersionState.READY: ("AVAILABLE", "OK"),
    VersionState.DRAINING: ("UNLOADING", "OK"),
    VersionState.RETIRED: ("END", "OK"),
    VersionState.UNREACHABLE: ("END", "UNAVAILABLE"),
    VersionState.FAILED: ("END", "INTERNAL"),
}


def status_body(path: TfsPath, table: RouteTable | None) -> bytes | Failure:
    """Return the states of the versions that the path names, newest first.

    `ready` is KServe's: whether a request of this path would be served.
    """
    if table is None or not table.versions:
        return no_status(path)
    version = table.labels.get(path.label, "") if path.label else path.version
    if path.label and version not in table.versions:
        return not_found(path)
    if version and version not in table.versions:
        return no_status(path)
    entries: Iterable[VersionEntry] = [table.versions[version]] if version else table.versions.values()
    ready = is_serving(table.versions[version]) if version else bool(effective_split(table))
    statuses = [_status(entry) for entry in sorted(entries, key=_age, reverse=True)]
    return msgspec.json.encode({"name": table.model, "ready": ready, "model_version_status": statuses})


def _status(entry: VersionEntry) -> dict[str, Any]:
    state, code = STATES[entry.state]
    message = "" if code == "OK" else entry.reason
    return {
        "version": entry.version,
        "state": state,
        "status": {"error_code": code, "error_message": message},
    }


def _age(entry: VersionEntry) -> tuple[int, str]:
    """Return what versions are ordered by: their number, then the names that are none."""
    version = entry.version
    return (int(version) if version.isascii() and version.isdigit() else -1, version)
