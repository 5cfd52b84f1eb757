"""A command applied to a table: the new table, or the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from pointsman.core import labels as labelling
from pointsman.core.commands import (
    Apply,
    Command,
    Promote,
    Register,
    Retire,
    Rollback,
    SetLabels,
    SetPolicy,
    SetSplit,
    command_hash,
)
from pointsman.core.deployments import recorded, rolled_back
from pointsman.core.files import EXAMPLE, EXPECT, files_of
from pointsman.core.policy import ALL, followed, hand_fault, latest, outdated, policy_faults, staying
from pointsman.core.spec import NAMED, WEIGHT_SCALE, ModelSpec, Route, VersionSpec
from pointsman.core.table import (
    REMEMBERED_COMMANDS,
    RouteTable,
    VersionEntry,
    VersionState,
    renewed,
)
from pointsman.core.uri import address_fault, shown
from pointsman.core.validate import check_spec, check_versions, check_weights, invalid, label_faults
from pointsman.errors import ABORTED, FAILED_PRECONDITION, NOT_FOUND, Failure

_STEPS: Final = ("before", "after")
# What makes a version that version: a change of any of these needs a new one.
_IDENTITY: Final = ("uri", "runtime", "factory", "pool", "options", *_STEPS)

# A table travels with every call of its router and is one record of a topic: it must stay far below the
# topic's limit, with the reasons that pods add to it.
MAX_TABLE_BYTES: Final = 512 << 10


# The history keeps it in the table, with each deployment.
MAX_ACTOR: Final = 200


class Facts(msgspec.Struct, frozen=True):
    """What the world says at the time of a command: the router's clock, topics and files."""

    now_ms: int
    outputs: frozenset[str] = frozenset()
    artifact_fault: Callable[[str], str] = lambda _uri: ""
    runtimes: frozenset[str] = frozenset()  # whose files our own pods fetch


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
    if len(command.actor) > MAX_ACTOR:
        return invalid("actor", f"is at most {MAX_ACTOR} characters")
    changed = _change(table, command, facts)
    if isinstance(changed, Failure):
        return changed
    changed = followed(labelling.settled(changed))
    if not isinstance(command.body, Rollback):
        changed = recorded(changed, table, command.actor, facts.now_ms)
    fitted = _fitted(changed, table)
    if fitted is None:
        message = f"the model would need more than {MAX_TABLE_BYTES} bytes; retire versions or labels first"
        return Failure(FAILED_PRECONDITION, message, "model")
    remembered = (*table.commands, digest)[-REMEMBERED_COMMANDS:]
    return msgspec.structs.replace(renewed(fitted, table, facts.now_ms), commands=remembered)


def _fitted(changed: RouteTable, before: RouteTable) -> RouteTable | None:
    """Return the table, if need be with fewer deployments to go back to; None where it is too large."""
    while _size(changed) > max(MAX_TABLE_BYTES, _size(before)):
        if not changed.deployments:
            return None
        changed = msgspec.structs.replace(changed, deployments=changed.deployments[1:])
    return changed


def _size(table: RouteTable) -> int:
    return len(
        msgspec.json.encode((table.versions, table.route, table.labels, table.awaited, table.deployments))
    )


def _change(table: RouteTable, command: Command, facts: Facts) -> RouteTable | Failure:
    match command.body:
        case Apply(spec):
            changed = _apply(table, spec, facts)
        case Register(versions):
            changed = _register(table, versions, facts)
        case SetSplit(weights):
            changed = _split(table, weights)
        case SetLabels(labels):
            changed = labelling.moved(table, labels)
        case Retire(versions):
            changed = _retire(table, versions)
        case Promote(version, labels):
            changed = _promote(table, version, labels)
        case Rollback(to):
            changed = rolled_back(table, to)
        case SetPolicy(policy):
            changed = _policy(table, policy)
    return changed


def _apply(table: RouteTable, spec: ModelSpec, facts: Facts) -> RouteTable | Failure:
    if not spec.model:
        spec = msgspec.structs.replace(spec, model=table.model)  # its record's key said it
    kept = {} if spec.policy == NAMED else staying(table)
    spec = _completed(spec, table, kept)
    fault = check_spec(spec, kept) or _output_fault(spec.route, facts)
    if fault is not None:
        return fault
    versions = _versions(table, spec.versions, facts)
    if isinstance(versions, Failure):
        return versions
    for name, entry in table.versions.items():
        if name not in versions:
            versions[name] = msgspec.structs.replace(entry, leaving=name not in kept)
    changed = msgspec.structs.replace(
        table, versions=versions, route=spec.route, limits=spec.limits, policy=spec.policy
    )
    return labelling.asked(changed, {label: version for label, version in spec.labels.items() if version})


def _completed(spec: ModelSpec, table: RouteTable, kept: Mapping[str, VersionEntry]) -> ModelSpec:
    """Fill in what the policy knows: the split that a file under `all` leaves out, and who is out of date."""
    if next(policy_faults(spec.policy, {**kept, **spec.versions}), None) is not None:
        return spec
    split = spec.route.split
    if spec.policy == ALL and not any(split.values()):
        split = table.route.split or dict.fromkeys([*spec.versions][:1], WEIGHT_SCALE)
    # A file that is applied again does not bring back what newer versions have replaced.
    old = outdated(table, spec.versions, spec.policy)
    versions = {name: version for name, version in spec.versions.items() if name not in old}
    return msgspec.structs.replace(
        spec, versions=versions, route=msgspec.structs.replace(spec.route, split=split)
    )


def _register(table: RouteTable, wanted: Mapping[str, VersionSpec], facts: Facts) -> RouteTable | Failure:
    fault = check_versions(table, wanted) or _outdated(table, wanted)
    if fault is not None:
        return fault
    versions = _versions(table, wanted, facts)
    if isinstance(versions, Failure):
        return versions
    route = table.route
    if not any(route.split.values()):
        route = msgspec.structs.replace(route, split={next(iter(wanted)): WEIGHT_SCALE})
    return msgspec.structs.replace(table, versions={**table.versions, **versions}, route=route)


def _outdated(table: RouteTable, wanted: Mapping[str, VersionSpec]) -> Failure | None:
    for name in outdated(table, wanted, table.policy):
        message = (
            f"{table.policy} would retire version {name} at once: newer ones serve; give it a higher number"
        )
        return Failure(FAILED_PRECONDITION, f"versions.{name}: {message}", f"versions.{name}")
    return None


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
    if known is not None and known.state is VersionState.DRAINING:
        message = f"version {name} is draining; apply it again when it is retired"
        return Failure(FAILED_PRECONDITION, message, f"versions.{name}")
    if known is not None:
        kept = _kept(known, wanted)
        return kept if isinstance(kept, Failure) else _misplaced(name, kept.spec, facts) or kept
    misplaced = _misplaced(name, wanted, facts)
    if misplaced is not None:
        return misplaced
    for file in files_of(wanted):
        fault = "" if file.field in (EXAMPLE, EXPECT) else facts.artifact_fault(file.uri)
        if fault:
            where = f"versions.{name}.{file.field}"
            return Failure(NOT_FOUND, f"{where}: {fault}", where)
    return VersionEntry(name, wanted, VersionState.REGISTERED, table.epoch + 1, since_ms=facts.now_ms)


def _misplaced(name: str, spec: VersionSpec, facts: Facts) -> Failure | None:
    fault = address_fault(spec) if spec.runtime in facts.runtimes else None
    if fault is None:
        return None
    return Failure(fault.code, f"versions.{name}.{fault.message}", f"versions.{name}.{fault.field}")


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
    before = getattr(known.spec, field)
    said = "other steps" if field in _STEPS else repr(shown(before) if field == "uri" else before)
    message = f"version {known.version} is registered with {said}; publish a new version"
    return Failure(FAILED_PRECONDITION, f"{where}: {message}", where)


def _split(table: RouteTable, weights: Mapping[str, int]) -> RouteTable | Failure:
    fault = hand_fault(table, "split") or check_weights(weights, staying(table), "split")
    if fault is not None:
        return fault
    return msgspec.structs.replace(table, route=msgspec.structs.replace(table.route, split=dict(weights)))


def _promote(table: RouteTable, name: str, labels: tuple[str, ...]) -> RouteTable | Failure:
    field = "promote.version"
    entry = staying(table).get(name)
    if entry is None:
        return Failure(NOT_FOUND, f"the model has no version {name!r}", field)
    if entry.state is VersionState.FAILED:
        message = f"version {name} failed to load ({entry.reason}); publish another"
        return Failure(FAILED_PRECONDITION, f"{field}: {message}", field)
    faults = (fault for label in labels for fault in label_faults(label, name, table.versions))
    fault = hand_fault(table, "promote") or next(faults, None)
    if fault is not None:
        return fault
    route = msgspec.structs.replace(table.route, split={name: WEIGHT_SCALE})
    awaited = {**table.awaited, **dict.fromkeys(labels, name)}
    return msgspec.structs.replace(table, route=route, awaited=awaited)


def _policy(table: RouteTable, policy: str) -> RouteTable | Failure:
    if not table.versions:
        return Failure(NOT_FOUND, f"unknown model {table.model!r}: publish a version first", "model")
    fault = next(policy_faults(policy, staying(table)), None)
    return fault or msgspec.structs.replace(table, policy=policy)


def _leaned_on(versions: Mapping[str, VersionEntry], names: tuple[str, ...]) -> Failure | None:
    """Return why versions must not leave: others that stay fall back to them."""
    for name, entry in versions.items():
        fallback = entry.spec.fallback
        if fallback in names and not entry.leaving:
            message = f"version {name} falls back to {fallback}; apply it with another fallback or none first"
            return Failure(
                FAILED_PRECONDITION, f"retire.{fallback}: {message}, or retire both", f"retire.{fallback}"
            )
    return None


def _retire(table: RouteTable, names: tuple[str, ...]) -> RouteTable | Failure:
    versions = dict(table.versions)
    for name in names:
        entry = versions.get(name)
        if entry is None:
            return Failure(NOT_FOUND, f"the model has no version {name!r}", f"retire.{name}")
        versions[name] = msgspec.structs.replace(entry, leaving=True)
    fault = _leaned_on(versions, names)
    if fault is not None:
        return fault
    split = {name: weight for name, weight in table.route.split.items() if name not in names}
    is_served = any(split.values()) or latest(table.policy)
    if not is_served and any(not entry.leaving for entry in versions.values()):
        return Failure(
            FAILED_PRECONDITION, "the versions left would get no traffic; change the split first", "retire"
        )
    labels = {label: version for label, version in table.labels.items() if version not in names}
    awaited = {label: version for label, version in table.awaited.items() if version not in names}
    route = msgspec.structs.replace(table.route, split=split)
    return msgspec.structs.replace(table, versions=versions, route=route, labels=labels, awaited=awaited)
