"""Labels move onto versions that are ready; what an `apply` asks for earlier waits."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pointsman.core.policy import staying
from pointsman.core.table import RouteTable, VersionEntry, is_serving
from pointsman.core.validate import label_faults
from pointsman.errors import FAILED_PRECONDITION, Failure


def wished(table: RouteTable) -> dict[str, str]:
    """Return the labels as they will be when all that are awaited have moved."""
    return {**table.labels, **table.awaited}


def asked(table: RouteTable, labels: Mapping[str, str]) -> RouteTable:
    """Return the table with just these labels, those that move onto another version awaited."""
    kept = {label: version for label, version in table.labels.items() if label in labels}
    moving = {label: version for label, version in labels.items() if kept.get(label) != version}
    return settled(msgspec.structs.replace(table, labels=kept, awaited=moving))


def settled(table: RouteTable) -> RouteTable:
    """Return the table with the labels moved whose time has come, and without those whose version is gone.

    A label moves when its new version is READY; at once where it is new, or its old version does not serve.
    """
    versions = table.versions
    labels = {label: version for label, version in table.labels.items() if version in versions}
    awaited = {label: version for label, version in table.awaited.items() if version in versions}
    for label, version in awaited.items():
        if is_serving(versions[version]) or not is_serving(versions.get(labels.get(label, ""))):
            labels[label] = version
    waiting = {label: version for label, version in awaited.items() if labels[label] != version}
    return msgspec.structs.replace(table, labels=labels, awaited=waiting)


def is_held(table: RouteTable, entry: VersionEntry) -> bool:
    """Whether a label stays on the version until it can move."""
    return any(table.labels.get(label) == entry.version for label in table.awaited)


def moved(table: RouteTable, labels: Mapping[str, str]) -> RouteTable | Failure:
    """Return the table with some labels pointed at other versions, or removed where the version is empty."""
    for label, version in labels.items():
        fault = next(label_faults(label, version, staying(table)), None) or _early(table, label, version)
        if fault is not None:
            return fault
    merged = {label: version for label, version in {**table.labels, **labels}.items() if version}
    awaited = {label: version for label, version in table.awaited.items() if label not in labels}
    return msgspec.structs.replace(table, labels=merged, awaited=awaited)


def _early(table: RouteTable, label: str, version: str) -> Failure | None:
    if not version or is_serving(table.versions[version]) or table.labels.get(label) == version:
        return None
    message = (
        f"version {version} is {table.versions[version].state}, and labels move onto READY versions; "
        f"label it then, or promote {version} with the label"
    )
    return Failure(FAILED_PRECONDITION, f"labels.{label}: {message}", f"labels.{label}")
