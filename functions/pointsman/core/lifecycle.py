"""The state of every version, from what the pods last said. A pure function of a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from pointsman.core.deployments import followed_up
from pointsman.core.events import VersionEvent
from pointsman.core.labels import is_held, settled
from pointsman.core.policy import followed
from pointsman.core.table import RouteTable, VersionEntry, VersionState, is_serving, renewed
from pointsman.core.tensor import Signature

# A version that still has requests in flight this long after its successor took over goes anyway.
DRAIN_LIMIT_MS: Final = 300_000
MISSED: Final = 3
SLOWEST_MS: Final = 200_000


class Held(msgspec.Struct, frozen=True):
    """A pod's word on one version. `state` is LOADING, WARMING, READY or FAILED.

    A pod that does not follow the routes knows no generation and says 0: it serves the version as it is.
    """

    generation: int
    state: VersionState
    reason: str = ""
    signature: Signature | None = None
    sha256: str = ""


class PodWord(msgspec.Struct, frozen=True):
    """The last word of one pod on the versions of one model. The next one comes within `every_ms`."""

    pod: str
    pool: str
    at_ms: int
    held: Mapping[str, Held]
    every_ms: int = 0


class Moment(msgspec.Struct, frozen=True):
    """What `advance` looks at: the time, the pods' words, and the requests in flight per version.

    A word older than its `patience_ms` is in doubt: it keeps a version in the state that it is in and brings
    none into another. Whoever does not believe it any more leaves it out.
    """

    now_ms: int
    silence_ms: int
    pods: Sequence[PodWord]
    inflight: Callable[[VersionEntry], int]

    def is_fresh(self, word: PodWord) -> bool:
        """Whether the pod has spoken lately."""
        return self.now_ms - word.at_ms <= patience_ms(word.every_ms, self.silence_ms)


def patience_ms(every_ms: int, silence_ms: int) -> int:
    """Return how long a pod that speaks at least every `every_ms` is believed after a word.

    Two of its words may be lost, or late by as much. What a pod says of itself is trusted within reason.
    """
    return max(silence_ms, MISSED * min(every_ms, SLOWEST_MS))


def advance(table: RouteTable, moment: Moment) -> RouteTable:
    """Return the table with each version in the state that the moment implies; a new epoch if any moved."""
    versions = {name: _heard(entry, moment) for name, entry in table.versions.items()}
    heard = followed(settled(msgspec.structs.replace(table, versions=versions)))
    drained = {name: _drained(entry, heard, moment) for name, entry in heard.versions.items()}
    left = {name: entry for name, entry in drained.items() if entry.state is not VersionState.RETIRED}
    settled_again = settled(msgspec.structs.replace(heard, versions=left))
    return renewed(followed_up(settled_again, table, moment.now_ms), table, moment.now_ms)


def changes(before: RouteTable, after: RouteTable) -> list[VersionEvent]:
    """Return an event for each version whose state or reason differs between two tables."""
    events = []
    for name, entry in after.versions.items():
        was = before.versions.get(name)
        if was is None or _said(was) != _said(entry):
            events.append(VersionEvent(after.model, name, entry.state.value, after.epoch, entry.reason))
    gone = [name for name in before.versions if name not in after.versions]
    events += [VersionEvent(after.model, name, VersionState.RETIRED.value, after.epoch) for name in gone]
    return events


def is_spoken(entry: VersionEntry) -> bool:
    """Whether the entry's state is what some pod said of it."""
    if entry.state is VersionState.LOADING:
        return entry.reason != _unheard(entry)[1]
    return entry.state in (VersionState.WARMING, VersionState.READY, VersionState.FAILED)


def _said(entry: VersionEntry) -> tuple[VersionState, str, int]:
    return entry.state, entry.reason, entry.generation


def _heard(entry: VersionEntry, moment: Moment) -> VersionEntry:
    if entry.state is VersionState.DRAINING:
        return entry
    said = [pod for pod in moment.pods if _speaks_of(pod, entry)]
    words = [pod.held[entry.version] for pod in said]
    fresh = [pod.held[entry.version] for pod in said if moment.is_fresh(pod)]
    state, reason = _implied(entry, fresh, words)
    return _moved(_informed(entry, fresh), state, reason, moment.now_ms)


def _speaks_of(pod: PodWord, entry: VersionEntry) -> bool:
    held = pod.held.get(entry.version)
    return held is not None and pod.pool == entry.spec.pool and held.generation in (0, entry.generation)


def _implied(entry: VersionEntry, fresh: Sequence[Held], words: Sequence[Held]) -> tuple[VersionState, str]:
    """Return the state and its reason; `words` are the fresh ones and those in doubt."""
    ready = sum(word.state is VersionState.READY for word in fresh)
    # It takes min_ready pods to become READY and the last one's loss to stop being it.
    if ready >= entry.spec.min_ready:
        return VersionState.READY, ""
    is_kept = any(word.state is entry.state for word in words)
    if entry.state is VersionState.READY and is_kept:
        return VersionState.READY, ""
    if not fresh:
        return (entry.state, entry.reason) if is_kept else _unheard(entry)
    failed = next((word for word in fresh if word.state is VersionState.FAILED), None)
    if failed is not None and not ready:
        return VersionState.FAILED, failed.reason
    if any(word.state is not VersionState.LOADING for word in fresh):
        return VersionState.WARMING, ""
    return VersionState.LOADING, next((word.reason for word in fresh if word.reason), "")


def _unheard(entry: VersionEntry) -> tuple[VersionState, str]:
    if entry.state in (VersionState.REGISTERED, VersionState.LOADING):
        return VersionState.LOADING, f"no pod of pool {entry.spec.pool!r} has reported it yet"
    return VersionState.UNREACHABLE, f"every pod of pool {entry.spec.pool!r} that held it fell silent"


def _informed(entry: VersionEntry, words: Sequence[Held]) -> VersionEntry:
    """Fill in what only a pod that loaded the artifact can know."""
    ready = next((word for word in words if word.state is VersionState.READY), None)
    if ready is None or (entry.spec.signature is not None and entry.spec.sha256):
        return entry
    spec = msgspec.structs.replace(
        entry.spec,
        signature=entry.spec.signature or ready.signature,
        sha256=entry.spec.sha256 or ready.sha256,
    )
    return msgspec.structs.replace(entry, spec=spec)


def _moved(entry: VersionEntry, state: VersionState, reason: str, now_ms: int) -> VersionEntry:
    if entry.state is state:
        return entry if entry.reason == reason else msgspec.structs.replace(entry, reason=reason)
    proven = state is VersionState.READY or (entry.proven and state is not VersionState.FAILED)
    return msgspec.structs.replace(entry, state=state, reason=reason, since_ms=now_ms, proven=proven)


def _drained(entry: VersionEntry, table: RouteTable, moment: Moment) -> VersionEntry:
    if not entry.leaving:
        return entry
    if entry.state is not VersionState.DRAINING:
        if is_serving(entry) and (not _succeeded(table) or is_held(table, entry)):
            return entry
        entry = _moved(entry, VersionState.DRAINING, "", moment.now_ms)
    late = moment.now_ms - entry.since_ms > DRAIN_LIMIT_MS
    if moment.inflight(entry) <= 0 or late:
        return _moved(entry, VersionState.RETIRED, "", moment.now_ms)
    return entry


def _succeeded(table: RouteTable) -> bool:
    """Whether somebody else takes the traffic, or nobody is meant to."""
    staying = [entry for entry in table.versions.values() if not entry.leaving]
    return not staying or any(
        is_serving(entry) and table.route.split.get(entry.version, 0) > 0 for entry in staying
    )
