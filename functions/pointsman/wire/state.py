"""What is kept, to protobuf and back; the table in the state and its snapshot on the routes topic are alike.

A newer release that changes what a field means writes a higher schema. Code that does not know it must not
touch the state: it would drop what it does not understand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeVar

from pointsman.core.lifecycle import Held, PodWord
from pointsman.core.spec import NAMED, Limits, Route
from pointsman.core.table import Deployment, Place, RouteTable, VersionEntry, VersionState
from pointsman.errors import NewerRelease
from pointsman.pb.v1 import routing_pb2 as pb
from pointsman.pb.v1 import serving_pb2
from pointsman.wire.spec import signature_from_pb, spec_from_pb, spec_to_pb

SCHEMA: Final = 1


class Kept(Protocol):
    """A message that is kept as state."""

    schema: int


K = TypeVar("K", bound=Kept)


def known(message: K) -> K:
    """Return a message read from state. Raises NewerRelease where a newer release wrote it."""
    if message.schema > SCHEMA:
        what = f"{type(message).__name__} has schema {message.schema}, this release knows {SCHEMA}"
        raise NewerRelease(what)
    return message


def table_to_bytes(table: RouteTable) -> bytes:
    """Return the table as a RouteTable message."""
    return pb.RouteTable(
        model=table.model,
        epoch=table.epoch,
        versions=[_entry_to_pb(entry) for entry in table.versions.values()],
        route=route_to_pb(table.route),
        fallback=_weights_to_pb(table.fallback),
        labels=_labels_to_pb(table.labels),
        limits=pb.Limits(max_inflight=table.limits.max_inflight, deadline_ms=table.limits.deadline_ms),
        commands=table.commands,
        at_ms=table.at_ms,
        schema=SCHEMA,
        obeyed=_places_to_pb(table.obeyed),
        history=_places_to_pb(table.history),
        policy=table.policy,
        awaited=_labels_to_pb(table.awaited),
        deployments=[_deployment_to_pb(one) for one in table.deployments],
    ).SerializeToString(deterministic=True)


def table_from_bytes(value: bytes) -> RouteTable:
    """Return the table of a RouteTable message; raises DecodeError or NewerRelease."""
    message = known(pb.RouteTable.FromString(value))
    return RouteTable(
        model=message.model,
        epoch=message.epoch,
        versions={entry.version: _entry_from_pb(entry) for entry in message.versions},
        route=route_from_pb(message.route),
        fallback=_weights_from_pb(message.fallback),
        labels=_labels_from_pb(message.labels),
        limits=Limits(message.limits.max_inflight, message.limits.deadline_ms),
        commands=tuple(message.commands),
        at_ms=message.at_ms,
        obeyed=_places_from_pb(message.obeyed),
        history=_places_from_pb(message.history),
        policy=message.policy or NAMED,
        awaited=_labels_from_pb(message.awaited),
        deployments=tuple(_deployment_from_pb(one) for one in message.deployments),
    )


def route_to_pb(route: Route) -> pb.Route:
    """Return the message of a route."""
    return pb.Route(
        split=_weights_to_pb(route.split),
        sticky=route.sticky,
        features=route.features,
        output=route.output,
        experiment=route.experiment,
    )


def route_from_pb(message: pb.Route) -> Route:
    """Return the route of a message."""
    return Route(
        _weights_from_pb(message.split),
        message.sticky,
        tuple(message.features),
        message.output,
        message.experiment,
    )


def word_from_pb(message: serving_pb2.PodStatus) -> PodWord:
    """Return a pod's word; the word of a leaving pod holds nothing."""
    held = {
        entry.version: Held(
            entry.generation,
            VersionState(pb.VersionState.Name(entry.state)),
            entry.reason,
            signature_from_pb(entry.signature) if entry.HasField("signature") else None,
            entry.sha256,
        )
        for entry in message.held
        if entry.state in _SPOKEN
    }
    held = {} if message.leaving else held
    return PodWord(message.pod, message.pool, message.at_ms, held, message.every_ms)


def word_of(model: str, entry: VersionEntry) -> serving_pb2.PodStatus:
    """Return what a pod would have to say to bring a version into the state that it is in."""
    held = serving_pb2.PodStatus.Held(
        version=entry.version, generation=entry.generation, state=entry.state.value, reason=entry.reason
    )
    pod, pool = f"snapshot~{entry.version}", entry.spec.pool
    return serving_pb2.PodStatus(pod=pod, pool=pool, model=model, held=[held])


_SPOKEN: Final = frozenset({pb.LOADING, pb.WARMING, pb.READY, pb.FAILED})


def _weights_to_pb(weights: Mapping[str, int]) -> list[pb.Weight]:
    return [pb.Weight(version=version, weight=weight) for version, weight in weights.items()]


def _weights_from_pb(weights: Iterable[pb.Weight]) -> dict[str, int]:
    return {weight.version: weight.weight for weight in weights}


def _labels_to_pb(labels: Mapping[str, str]) -> list[pb.Label]:
    return [pb.Label(label=label, version=version) for label, version in labels.items()]


def _labels_from_pb(labels: Iterable[pb.Label]) -> dict[str, str]:
    return {label.label: label.version for label in labels}


def _deployment_to_pb(one: Deployment) -> pb.Deployment:
    return pb.Deployment(
        epoch=one.epoch,
        at_ms=one.at_ms,
        actor=one.actor,
        split=_weights_to_pb(one.split),
        labels=_labels_to_pb(one.labels),
        generations=one.generations,
    )


def _deployment_from_pb(message: pb.Deployment) -> Deployment:
    return Deployment(
        message.epoch,
        message.at_ms,
        message.actor,
        _weights_from_pb(message.split),
        _labels_from_pb(message.labels),
        dict(message.generations),
    )


def _places_to_pb(places: Iterable[Place]) -> list[pb.ControlPlace]:
    return [
        pb.ControlPlace(partition=place.partition, keyless=place.keyless, offset=place.offset)
        for place in places
    ]


def _places_from_pb(places: Iterable[pb.ControlPlace]) -> tuple[Place, ...]:
    return tuple(Place(place.partition, place.keyless, place.offset) for place in places)


def _entry_to_pb(entry: VersionEntry) -> pb.VersionEntry:
    return pb.VersionEntry(
        version=entry.version,
        spec=spec_to_pb(entry.spec),
        state=entry.state.value,
        generation=entry.generation,
        reason=entry.reason,
        leaving=entry.leaving,
        since_ms=entry.since_ms,
        proven=entry.proven,
    )


def _entry_from_pb(message: pb.VersionEntry) -> VersionEntry:
    return VersionEntry(
        message.version,
        spec_from_pb(message.spec),
        VersionState(pb.VersionState.Name(message.state)),
        message.generation,
        message.reason,
        message.leaving,
        message.since_ms,
        message.proven,
    )
