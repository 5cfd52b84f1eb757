"""What rollback goes back to: the last splits and labels that somebody decided on."""

from __future__ import annotations

from math import gcd
from typing import Final

import msgspec

from pointsman.core.labels import wished
from pointsman.core.policy import latest
from pointsman.core.spec import NAMED
from pointsman.core.table import Deployment, RouteTable, VersionEntry, VersionState, is_serving
from pointsman.errors import FAILED_PRECONDITION, NOT_FOUND, Failure

REMEMBERED_DEPLOYMENTS: Final = 8


def recorded(table: RouteTable, before: RouteTable, actor: str, now_ms: int) -> RouteTable:
    """Return the table with its split and labels remembered, where a command changed them.

    Those of the last deployment are not remembered again; nor is what a policy has made of them meanwhile.
    A table of a release that remembered none begins with what it had before.
    """
    known = table.deployments or tuple(
        filter(_is_some, [_deployment(before, before.epoch, "", before.at_ms)])
    )
    now = _deployment(table, before.epoch + 1, actor, now_ms)
    in_force = [_what(one) for one in (*known[-1:], _deployment(before, before.epoch, "", before.at_ms))]
    if not _is_some(now) or _what(now) in in_force:
        return table
    return msgspec.structs.replace(table, deployments=(*known, now)[-REMEMBERED_DEPLOYMENTS:])


def followed_up(table: RouteTable, before: RouteTable, now_ms: int) -> RouteTable:
    """Return the table with what its policy decided remembered.

    Going to an older version while the newer is away, and back, is no decision. Labels that left with their
    version leave the deployment in force too.
    """
    now = _deployment(table, before.epoch + 1, f"policy {table.policy}", now_ms)
    known = table.deployments
    if not known or not _is_some(now):
        return table
    if not any(_shares(one) == _shares(now) and _holds(one, now) for one in known):
        return msgspec.structs.replace(table, deployments=(*known, now)[-REMEMBERED_DEPLOYMENTS:])
    if _shares(known[-1]) != _shares(now):
        return table
    last = msgspec.structs.replace(known[-1], labels=now.labels, generations=now.generations)
    return msgspec.structs.replace(table, deployments=(*known[:-1], last))


def rolled_back(table: RouteTable, to: int) -> RouteTable | Failure:
    """Return the table with an earlier deployment in force, or why that cannot be.

    What came after it is forgotten, so the next rollback goes further back. A version that was to leave and
    still serves stays. The policy latest(n) becomes named: it would undo the rollback at once.
    """
    earlier = [one for one in table.deployments[:-1] if to in (0, one.epoch)]
    if not earlier:
        return _nowhere(table, to)
    wanted = earlier[-1]
    for name, generation in wanted.generations.items():
        fault = _fault(table.versions.get(name), name, generation, wanted)
        if fault is not None:
            return fault
    back = {name: msgspec.structs.replace(table.versions[name], leaving=False) for name in wanted.generations}
    return msgspec.structs.replace(
        table,
        versions={**table.versions, **back},
        route=msgspec.structs.replace(table.route, split=wanted.split),
        labels=wanted.labels,
        awaited={},
        policy=NAMED if latest(table.policy) else table.policy,
        deployments=table.deployments[: table.deployments.index(wanted) + 1],
    )


def lost(table: RouteTable, before: RouteTable) -> str:
    """Return what there is to say where a command sends away what the next rollback would need; else ""."""
    if len(table.deployments) < 2:
        return ""
    back = table.deployments[-2]
    gone = [name for name in back.generations if _is_staying(before, name) and not _is_staying(table, name)]
    if not gone:
        return ""
    versions = f"version {gone[0]} leaves" if len(gone) == 1 else f"versions {', '.join(gone)} leave"
    return f"{versions}: when that is done, there is no rollback to epoch {back.epoch}"


def _is_staying(table: RouteTable, name: str) -> bool:
    entry = table.versions.get(name)
    return entry is not None and not entry.leaving


def _deployment(table: RouteTable, epoch: int, actor: str, at_ms: int) -> Deployment:
    split = {name: weight for name, weight in table.route.split.items() if weight > 0}
    labels = wished(table)
    named = {*split, *labels.values()}
    generations = {name: entry.generation for name, entry in table.versions.items() if name in named}
    return Deployment(epoch, at_ms, actor, split, labels, generations)


def _is_some(one: Deployment) -> bool:
    return bool(one.split)


def _what(one: Deployment) -> tuple[object, ...]:
    return _shares(one), one.labels, one.generations


def _shares(one: Deployment) -> dict[str, int]:
    """Return the weights in their smallest terms: only their ratio counts."""
    divisor = gcd(*one.split.values())
    return {name: weight // divisor for name, weight in one.split.items()}


def _holds(one: Deployment, other: Deployment) -> bool:
    return one.generations.items() >= other.generations.items()


def _nowhere(table: RouteTable, to: int) -> Failure:
    if not to:
        message = "the split and the labels have not changed: there is nothing to go back to"
        return Failure(FAILED_PRECONDITION, f"rollback: {message}", "rollback")
    known = ", ".join(str(one.epoch) for one in table.deployments[:-1]) or "none"
    message = f"no earlier deployment has epoch {to} (remembered: {known})"
    return Failure(NOT_FOUND, f"rollback.to: {message}", "rollback.to")


def _fault(entry: VersionEntry | None, name: str, generation: int, wanted: Deployment) -> Failure | None:
    field = f"rollback.{name}"
    if entry is None or entry.generation != generation:
        message = f"version {name} of epoch {wanted.epoch} is gone; publish it again and promote it"
    elif not is_serving(entry):
        remedy = "publish it again" if entry.state is VersionState.DRAINING else "wait until it is READY"
        message = f"version {name} of epoch {wanted.epoch} is {entry.state}; {remedy}, or promote another"
    else:
        return None
    return Failure(FAILED_PRECONDITION, f"{field}: {message}", field)
