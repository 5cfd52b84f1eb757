"""Which versions of a model are kept and who gets its traffic: `named`, `all` or `latest(n)`.

`named`: what the last model file lists and what was registered since; whoever splits the traffic decides.
`all`: every registered version, until it is retired. `latest(n)`: the n of the highest numbers; the newest
that is READY gets all the traffic, and an older one leaves when one that is newer than it serves; not while
a label is on it, or is to move there, and not while a version that stays falls back to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Final

import msgspec

from pointsman.core.spec import NAMED, WEIGHT_SCALE
from pointsman.core.table import RouteTable, VersionEntry, is_serving
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure

ALL: Final = "all"
_LATEST: Final = re.compile(r"latest\(([1-9][0-9]{0,3})\)")


def latest(policy: str) -> int:
    """Return how many versions a policy `latest(n)` keeps, and 0 for any other."""
    found = _LATEST.fullmatch(policy)
    return int(found[1]) if found else 0


def policy_faults(policy: str, versions: Iterable[str]) -> Iterator[Failure]:
    """Yield the faults of a policy for these versions."""
    if policy not in (NAMED, ALL) and not latest(policy):
        message = "policy: is named, all or latest(n), n from 1 to 9999"
        yield Failure(INVALID_ARGUMENT, message, "policy")
    for name in versions if latest(policy) else ():
        if not name.isdecimal():
            message = f"policy: {policy} goes by numbers, and version {name!r} has none"
            yield Failure(INVALID_ARGUMENT, message, "policy")


def hand_fault(table: RouteTable, field: str) -> Failure | None:
    """Return why nobody may deal out the traffic by hand, or None."""
    if not latest(table.policy):
        return None
    message = f"{field}: {table.policy} gives the newest version all the traffic; set the policy named first"
    return Failure(FAILED_PRECONDITION, message, "policy")


def staying(table: RouteTable) -> dict[str, VersionEntry]:
    """Return the versions that are not on their way out."""
    return {name: entry for name, entry in table.versions.items() if not entry.leaving}


def outdated(table: RouteTable, names: Iterable[str], policy: str) -> set[str]:
    """Return which of these versions, were they registered now, would have to leave at once."""
    known = staying(table)
    serving = [int(name) for name, entry in known.items() if latest(policy) and is_serving(entry)]
    if not serving:
        return set()
    newest = sorted({*map(int, known), *map(int, names)}, reverse=True)[: latest(policy)]
    return {name for name in names if name not in known and int(name) < min(max(serving), newest[-1])}


def followed(table: RouteTable) -> RouteTable:
    """Return the table as its policy wants it: the split, and who leaves."""
    count = latest(table.policy)
    newest_first = sorted(staying(table), key=int, reverse=True) if count else []
    if not newest_first:
        return table
    ready = next((name for name in newest_first if is_serving(table.versions[name])), None)
    wanted, route = ready or newest_first[0], table.route
    if [name for name, weight in route.split.items() if weight > 0] != [wanted]:
        route = msgspec.structs.replace(route, split={wanted: WEIGHT_SCALE})
    # While the newest ones load or fail, the one that serves stays, however many they are.
    old = {name for name in newest_first[count:] if ready is not None and int(name) < int(ready)}
    gone = old - _needed(table, old)
    return msgspec.structs.replace(table, route=route, versions=_left(table.versions, gone))


def _needed(table: RouteTable, old: Set[str]) -> set[str]:
    """Return the old versions that requests may still reach: by a label, or behind one that stays."""
    needed: set[str] = set()
    named = {*table.labels.values(), *table.awaited.values(), *_stand_ins(table, staying(table).keys() - old)}
    while more := (old & named) - needed:
        needed |= more
        named = _stand_ins(table, more)
    return needed


def _stand_ins(table: RouteTable, names: Iterable[str]) -> set[str]:
    return {table.versions[name].spec.fallback for name in names}


def _left(versions: Mapping[str, VersionEntry], names: Iterable[str]) -> dict[str, VersionEntry]:
    gone = {name: msgspec.structs.replace(versions[name], leaving=True) for name in names}
    return {**versions, **gone}
