"""The router's state of how fast versions work off what waits, as core values and back."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core import admission
from pointsman.core.admission import SILENCE_MS, Admission, Drain, Word
from pointsman.core.ids import INTERACTIVE_SHARD
from pointsman.core.table import VersionEntry
from pointsman.pb.v1 import serving_pb2 as pb


def hear(
    arms: pb.Arms, entry: VersionEntry, totals: pb.ShardTotals, word: pb.BatchReport, now_ms: int
) -> None:
    """Take the report of a shard of the version into account, after its totals."""
    totals.wait_ms, totals.heard_ms = word.wait_ms, now_ms
    shards = _lane(arms, entry)
    if totals not in shards:
        return
    wait_ms = max(shard.wait_ms for shard in shards if now_ms - shard.heard_ms < SILENCE_MS)
    state = _drain(arms, entry) or arms.drains.add(version=entry.version, generation=entry.generation)
    said = Word(sum(shard.done for shard in shards), wait_ms, word.pass_ms)
    state.done, state.at_ms, state.per_s, state.target_ms = admission.heard(_core(state), said, now_ms)


def room(arms: pb.Arms, entry: VersionEntry, now_ms: int) -> Admission | None:
    """Return what a version can still take; None without bound."""
    state = _drain(arms, entry)
    if state is None or not state.per_s:
        return None
    return admission.room(sum(shard.sent for shard in _lane(arms, entry)), _core(state), now_ms)


def shards_of(arms: pb.Arms, entry: VersionEntry) -> Sequence[pb.ShardTotals]:
    """Return the totals of a version's shards in its generation."""
    return [
        totals
        for totals in arms.shards
        if totals.version == entry.version and totals.generation == entry.generation
    ]


def _lane(arms: pb.Arms, entry: VersionEntry) -> Sequence[pb.ShardTotals]:
    """Return the totals of the shards that take interactive requests."""
    shards = shards_of(arms, entry)
    return shards if entry.spec.ordered else [one for one in shards if one.shard == INTERACTIVE_SHARD]


def _drain(arms: pb.Arms, entry: VersionEntry) -> pb.Drain | None:
    return next(
        (
            drain
            for drain in arms.drains
            if drain.version == entry.version and drain.generation == entry.generation
        ),
        None,
    )


def _core(drain: pb.Drain) -> Drain:
    return Drain(drain.done, drain.at_ms, drain.per_s, drain.target_ms)
