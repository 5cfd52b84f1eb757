"""A command applied to a table: the new table, or the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from pointsman.core.commands import Apply, Command, Register, Retire, SetLabels, SetSplit, command_hash
from pointsman.core.spec import WEIGHT_SCALE, ModelSpec, Route, VersionSpec
from pointsman.core.table import (
    REMEMBERED_COMMANDS,
    RouteTable,
    VersionEntry,
    VersionState,
    renewed,
)
from pointsman.core.validate import check_spec, check_versions, check_weights, invalid, label_faults
from pointsman.errors import ABORTED, FAILED_PRECONDITION, NOT_FOUND, Failure

# What makes a version that version: a change of any of these needs a new one.
_IDENTITY = ("uri", "runtime", "factory", "pool", "options")

# A table travels with every call of its router and is one record of a topic: it must stay far below the
# topic's limit, with the reasons that pods add to it.
MAX_TABLE_BYTES: Final = 512 << 10


class Facts(msgspec.Struct, frozen=True):
    """What the world says at the time of a command: the router's clock, topics and files."""

    now_ms: int
    outputs: frozenset[str] = frozenset()
    artifact_fault: Callable[[str], str] = lambda _uri: ""


def reduce(table: RouteTable, command: Command, facts: Facts) -> RouteTable | Failure:
    """Return the table after the command, under a new epoch if anything changed.

    A repeated command returns the table itself. A failure changes nothing.
    """
    digest = command_hash(command.id)
    if digest in table.commands:
        return table
    if command.expected_epoch is not None and command.expected_epoch != table.epoch:
        message = f"expected epoch {command.expected_epoch}, the table is at {table.epoch}"
        return Failure(ABORTED, message, "expected_epoch")
    changed = _change(table, command, facts)
    if isinstance(changed, Failure):
        return changed
    if _size(changed) > max(MAX_TABLE_BYTES, _size(table)):
        message = f"the model would need more than {MAX_TABLE_BYTES} bytes; retire versions or labels first"
        return Failure(FAILED_PRECONDITION, message, "model")
    remembered = (*table.commands, digest)[-REMEMBERED_COMMANDS:]
    return msgspec.structs.replace(renewed(changed, table, facts.now_ms), commands=remembered)


def _size(table: RouteTable) -> int:
    return len(msgspec.json.encode((table.versions, table.route, table.labels)))


def _change(table: RouteTable, command: Command, facts: Facts) -> RouteTable | Failure:
    match command.body:
        case Apply(spec):
            return _apply(table, spec, facts)
        case Register(versions):
            return _register(table, versions, facts)
        case SetSplit(weights):
            return _split(table, weights)
        case SetLabels(labels):
            return _label(table, labels)
        case Retire(versions):
            return _retire(table, versions)


def _apply(table: RouteTable, spec: ModelSpec, facts: Facts) -> RouteTable | Failure:
    if not spec.model:
        spec = msgspec.structs.replace(spec, model=table.model)  # its record's key said it
    fault = check_spec(spec) or _output_fault(spec.route, facts)
    if fault is not None:
        return fault
    versions = _versions(table, spec.versions, facts)
    if isinstance(versions, Failure):
        return versions
    for name, entry in table.versions.items():
        if name not in versions:
            versions[name] = msgspec.structs.replace(entry, leaving=True)
    labels = {label: version for label, version in spec.labels.items() if version}
    return msgspec.structs.replace(
        table, versions=versions, route=spec.route, labels=labels, limits=spec.limits
    )


def _register(table: RouteTable, wanted: Mapping[str, VersionSpec], facts: Facts) -> RouteTable | Failure:
    fault = check_versions(table.model, wanted, table.versions)
    if fault is not None:
        return fault
    versions = _versions(table, wanted, facts)
    if isinstance(versions, Failure):
        return versions
    route = table.route
    if not any(route.split.values()):
        route = msgspec.structs.replace(route, split={next(iter(wanted)): WEIGHT_SCALE})
    return msgspec.structs.replace(table, versions={**table.versions, **versions}, route=route)


def _versions(
    table: RouteTable, wanted: Mapping[str, VersionSpec], facts: Facts
) -> dict[str, VersionEntry] | Failure:
    versions: dict[str, VersionEntry] = {}
    for name, spec in wanted.items():
        entry = _version(table, name, spec, facts)
        if isinstance(entry, Failure):
            return entry
        versions[name] = entry
    return versions


def _output_fault(route: Route, facts: Facts) -> Failure | None:
    if route.output and route.output not in facts.outputs:
        allowed = ", ".join(sorted(facts.outputs)) or "none"
        return invalid(
            "route.output", f"{route.output!r} is not an allowed output topic (allowed: {allowed})"
        )
    return None


def _version(table: RouteTable, name: str, wanted: VersionSpec, facts: Facts) -> VersionEntry | Failure:
    known = table.versions.get(name)
    if known is not None and known.state is not VersionState.DRAINING:
        return _kept(known, wanted)
    if known is not None:
        message = f"version {name} is draining; apply it again when it is retired"
        return Failure(FAILED_PRECONDITION, message, f"versions.{name}")
    fault = facts.artifact_fault(wanted.uri)
    if fault:
        return Failure(NOT_FOUND, f"versions.{name}.uri: {fault}", f"versions.{name}.uri")
    return VersionEntry(name, wanted, VersionState.REGISTERED, table.epoch + 1, since_ms=facts.now_ms)


def _kept(known: VersionEntry, wanted: VersionSpec) -> VersionEntry | Failure:
    for field in _IDENTITY:
        if getattr(known.spec, field) != getattr(wanted, field):
            return _second_identity(known, field)
    if wanted.sha256 and known.spec.sha256 and wanted.sha256 != known.spec.sha256:
        return _second_identity(known, "sha256")
    # What its pods found out stays known: the same file applied again changes nothing.
    spec = msgspec.structs.replace(
        wanted,
        sha256=known.spec.sha256 or wanted.sha256,
        signature=wanted.signature or known.spec.signature,
    )
    return msgspec.structs.replace(known, spec=spec, leaving=False)


def _second_identity(known: VersionEntry, field: str) -> Failure:
    where = f"versions.{known.version}.{field}"
    message = (
        f"version {known.version} is registered with {getattr(known.spec, field)!r}; publish a new version"
    )
    return Failure(FAILED_PRECONDITION, f"{where}: {message}", where)


def _split(table: RouteTable, weights: Mapping[str, int]) -> RouteTable | Failure:
    staying = {name: entry for name, entry in table.versions.items() if not entry.leaving}
    fault = check_weights(weights, staying, "split")
    if fault is not None:
        return fault
    return msgspec.structs.replace(table, route=msgspec.structs.replace(table.route, split=dict(weights)))


def _label(table: RouteTable, labels: Mapping[str, str]) -> RouteTable | Failure:
    merged = dict(table.labels)
    for label, version in labels.items():
        fault = next(label_faults(label, version, table.versions), None)
        if fault is not None:
            return fault
        if version:
            merged[label] = version
        else:
            merged.pop(label, None)
    return msgspec.structs.replace(table, labels=merged)


def _retire(table: RouteTable, names: tuple[str, ...]) -> RouteTable | Failure:
    versions = dict(table.versions)
    for name in names:
        entry = versions.get(name)
        if entry is None:
            return Failure(NOT_FOUND, f"the model has no version {name!r}", f"retire.{name}")
        versions[name] = msgspec.structs.replace(entry, leaving=True)
    split = {name: weight for name, weight in table.route.split.items() if name not in names}
    staying = [entry for entry in versions.values() if not entry.leaving]
    if staying and not any(split.values()):
        return Failure(
            FAILED_PRECONDITION, "the versions left would get no traffic; change the split first", "retire"
        )
    labels = {label: version for label, version in table.labels.items() if version not in names}
    route = msgspec.structs.replace(table.route, split=split)
    return msgspec.structs.replace(table, versions=versions, route=route, labels=labels)
