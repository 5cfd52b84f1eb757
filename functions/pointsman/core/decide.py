"""Which version serves a request: a pure function of the table and the request's head."""

from __future__ import annotations

from typing import Final, NamedTuple

from pointsman.core.split import Arms, arms
from pointsman.core.table import RouteTable, VersionEntry, VersionState, effective_split, is_serving, stand_in
from pointsman.errors import FAILED_PRECONDITION, NOT_FOUND, UNAVAILABLE, Failure

# What a sender asked for may be as long as a record; an answer repeats so many characters of it.
SHOWN: Final = 80


class Wait(NamedTuple):
    """No answer yet: the request waits for a version to become ready."""

    reason: str


class Plan(NamedTuple):
    """A table made ready for deciding; as long-lived as its epoch."""

    table: RouteTable
    split: Arms | None
    no_split: Failure | Wait


def plan(table: RouteTable) -> Plan:
    """Return the plan of a table."""
    weights = effective_split(table)
    experiment = table.route.experiment or table.model
    return Plan(table, arms(experiment, weights) if weights else None, _no_split(table))


def choose(plan: Plan, version: str, label: str) -> VersionEntry | Failure | Wait | None:
    """Return the version that a request names itself, or None where the split decides.

    A label is resolved like the version it points at.
    """
    table = plan.table
    if label and not version:
        version = table.labels.get(label, "")
        if not version:
            return Failure(NOT_FOUND, f"model {table.model} has no label {label[:SHOWN]!r}", "label")
    if not version:
        return None
    entry = table.versions.get(version)
    if entry is None:
        return Failure(NOT_FOUND, f"model {table.model} has no version {version[:SHOWN]!r}", "version")
    if is_serving(entry):
        return entry
    other = None if entry.state is VersionState.DRAINING else stand_in(table, version)
    return other or _not_serving(entry)


def _not_serving(entry: VersionEntry) -> Failure | Wait:
    if entry.state is VersionState.DRAINING:
        return Failure(FAILED_PRECONDITION, f"version {entry.version} is draining", "version")
    if entry.state is VersionState.FAILED:
        return Failure(UNAVAILABLE, f"version {entry.version} failed to load: {entry.reason}")
    return Wait(f"version {entry.version} is {entry.state}")


def _no_split(table: RouteTable) -> Failure | Wait:
    wanted = [entry for entry in table.versions.values() if table.route.split.get(entry.version, 0) > 0]
    if not wanted:
        return Failure(NOT_FOUND, f"unknown model {table.model!r}", "model")
    failed = [entry for entry in wanted if entry.state is VersionState.FAILED]
    if len(failed) == len(wanted):
        reasons = "; ".join(f"{entry.version}: {entry.reason}" for entry in failed)
        return Failure(UNAVAILABLE, f"every version of {table.model} failed to load ({reasons})")
    return Wait("no version is ready: " + ", ".join(f"{entry.version} is {entry.state}" for entry in wanted))
