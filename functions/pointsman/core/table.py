"""The route table of one model: what the router knows and the routes topic shows."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from pointsman.core.spec import NAMED, Limits, Route, VersionSpec
from pointsman.core.split import MAX_WEIGHT

REMEMBERED_COMMANDS: Final = 256


class VersionState(StrEnum):
    """Life of a version.

        REGISTERED -> LOADING -> WARMING -> READY -> DRAINING -> RETIRED
             any of the first four -> FAILED | UNREACHABLE -> LOADING, WARMING or READY
             any                   -> DRAINING

    A version is READY while `min_ready` pods hold it. UNREACHABLE: its pods fell silent. RETIRED versions
    leave the table.
    """

    REGISTERED = "REGISTERED"
    LOADING = "LOADING"
    WARMING = "WARMING"
    READY = "READY"
    DRAINING = "DRAINING"
    RETIRED = "RETIRED"
    UNREACHABLE = "UNREACHABLE"
    FAILED = "FAILED"


class VersionEntry(msgspec.Struct, frozen=True):
    """One version in the table. `generation` is the epoch of its registration and is never reused.

    `proven` says that some pod has loaded and warmed it, and none has failed to since.
    """

    version: str
    spec: VersionSpec
    state: VersionState
    generation: int
    reason: str = ""
    leaving: bool = False
    since_ms: int = 0
    proven: bool = False


class Place(msgspec.Struct, frozen=True):
    """A record's place in the control topic.

    Within a partition the commands under the model's key come in order, and so do those without a key, which
    another router passes on. The two lanes may overtake each other.
    """

    partition: int
    keyless: bool
    offset: int


class Deployment(msgspec.Struct, frozen=True):
    """A split and labels that somebody decided on, under which epoch and when.

    `generations` are those of the versions in it: another artifact under an old name is another version.
    """

    epoch: int
    at_ms: int
    actor: str
    split: Mapping[str, int]
    labels: Mapping[str, str]
    generations: Mapping[str, int]


class RouteTable(msgspec.Struct, frozen=True):
    """All that routing of one model depends on. A change of it is a new epoch, but for all below `awaited`.

    `fallback` is the split that served last; it goes on serving while no version of `route.split` is ready.
    `commands` holds the hashes of the last commands, so that a repeat is recognised. `obeyed` is the last
    place of each lane of the control topic that was taken in. In a table that was rebuilt from a snapshot
    `history` holds the places up to which commands are part of it. `awaited` are labels that move when their
    new version is ready. `deployments` are what rollback goes back to, the oldest first, the last in force.
    """

    model: str
    epoch: int = 0
    versions: Mapping[str, VersionEntry] = {}
    route: Route = Route()
    fallback: Mapping[str, int] = {}
    labels: Mapping[str, str] = {}
    limits: Limits = Limits()
    policy: str = NAMED
    awaited: Mapping[str, str] = {}
    commands: tuple[int, ...] = ()
    at_ms: int = 0
    obeyed: tuple[Place, ...] = ()
    history: tuple[Place, ...] = ()
    deployments: tuple[Deployment, ...] = ()


def is_serving(entry: VersionEntry | None) -> bool:
    """Whether the version takes new traffic."""
    return entry is not None and entry.state is VersionState.READY


def stand_in(table: RouteTable, version: str) -> VersionEntry | None:
    """Return the ready version that answers what another cannot, as that one's `fallback` says; else None."""
    entry = table.versions.get(version)
    other = table.versions.get(entry.spec.fallback) if entry is not None else None
    return other if is_serving(other) else None


def effective_split(table: RouteTable) -> dict[str, int]:
    """Return the weights in force: the desired ones of ready versions, else the fallback's, else none.

    Where none of these is ready it is the versions' own fallbacks.
    """
    for wanted in (table.route.split, table.fallback, _stand_ins(table)):
        ready = {v: w for v, w in wanted.items() if w > 0 and is_serving(table.versions.get(v))}
        if ready:
            return ready
    return {}


def _stand_ins(table: RouteTable) -> dict[str, int]:
    weights: dict[str, int] = {}
    for version, weight in table.route.split.items():
        other = stand_in(table, version)
        if other is not None:
            weights[other.version] = min(weights.get(other.version, 0) + weight, MAX_WEIGHT)
    return weights


def entry_of(table: RouteTable, version: str = "", label: str = "") -> VersionEntry | None:
    """Return a version's entry, or a label's; where neither is named that of most requests, or the newest."""
    if label and not version:
        version = table.labels.get(label, "")
        return table.versions.get(version)
    if version:
        return table.versions.get(version)
    split = effective_split(table)
    if split:
        return table.versions[max(split, key=split.__getitem__)]
    return max(table.versions.values(), key=lambda entry: entry.generation, default=None)


def renewed(table: RouteTable, before: RouteTable, now_ms: int) -> RouteTable:
    """Return `table` under the next epoch if it differs from `before`, with its fallback kept current."""
    serving = effective_split(table)
    if serving:
        table = msgspec.structs.replace(table, fallback=serving)
    if same_routing(table, before):
        return msgspec.structs.replace(table, epoch=before.epoch, at_ms=before.at_ms)
    return msgspec.structs.replace(table, epoch=before.epoch + 1, at_ms=now_ms)


def same_routing(one: RouteTable, other: RouteTable) -> bool:
    """Whether two tables differ at most in what they remember and in their date."""
    return (
        one.versions == other.versions
        and one.route == other.route
        and one.fallback == other.fallback
        and one.labels == other.labels
        and one.limits == other.limits
        and one.policy == other.policy
        and one.awaited == other.awaited
    )
