"""State of one router address: read when needed, written only when changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

from pointsman.core.decide import Plan, plan
from pointsman.core.ids import INTERACTIVE_SHARD
from pointsman.core.lifecycle import PodWord
from pointsman.core.pace import FIRST, Pace, Room, Work, paced, room
from pointsman.core.table import RouteTable, VersionEntry
from pointsman.pb.v1 import serving_pb2 as pb
from pointsman.statefun.admission import shards_of
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import ARMS, PODS, TABLE
from pointsman.wire.state import known, table_from_bytes, table_to_bytes, word_from_pb

STATES: Final = {"table": TABLE, "arms": ARMS, "pods": PODS}


class PlanCache:
    """Plans by their table's bytes: a table travels with every call and changes rarely."""

    def __init__(self, capacity: int = 4096) -> None:
        self._plans: OrderedDict[str, tuple[bytes, Plan]] = OrderedDict()
        self._capacity = capacity

    def get(self, model: str, value: bytes) -> Plan:
        """Return the plan of a table, parsed anew only when its bytes changed."""
        last = self._plans.get(model)
        if last is not None and last[0] == value:
            return last[1]
        made = plan(table_from_bytes(value))
        self.put(model, value, made)
        return made

    def put(self, model: str, value: bytes, made: Plan) -> None:
        """Remember the plan of a table."""
        self._plans[model] = (value, made)
        self._plans.move_to_end(model)
        if len(self._plans) > self._capacity:
            self._plans.popitem(last=False)


class RouterState:
    """The three state values of a router address during one call.

    Reading one that a newer release wrote raises NewerRelease.
    """

    def __init__(self, model: str, values: Mapping[str, bytes | None], cache: PlanCache) -> None:
        self._model = model
        self._values = values
        self._cache = cache
        table = values["table"]
        self.plan = plan(RouteTable(model)) if table is None else cache.get(model, table)
        self.arms = known(pb.Arms.FromString(values["arms"] or b""))
        self._pods: pb.Pods | None = None
        self._dirty: set[str] = set()

    @property
    def table(self) -> RouteTable:
        """The table as it stands."""
        return self.plan.table

    @table.setter
    def table(self, table: RouteTable) -> None:
        if table != self.plan.table:
            self.plan = plan(table)
            self._dirty.add("table")

    @property
    def pods(self) -> pb.Pods:
        """The pods' last words."""
        if self._pods is None:
            self._pods = known(pb.Pods.FromString(self._values["pods"] or b""))
        return self._pods

    def words(self) -> list[PodWord]:
        """Return the pods' last words as core values."""
        return [word_from_pb(word) for word in self.pods.pods]

    def touch(self, name: str) -> None:
        """Note that `arms` or `pods` was changed in place."""
        self._dirty.add(name)

    def shard(self, entry: VersionEntry, shard: int) -> pb.ShardTotals:
        """Return the totals of a shard of the current generation, made if absent."""
        for totals in self.arms.shards:
            if (
                totals.shard == shard
                and totals.generation == entry.generation
                and totals.version == entry.version
            ):
                return totals
        return self.arms.shards.add(version=entry.version, generation=entry.generation, shard=shard)

    def inflight(self, entry: VersionEntry) -> int:
        """Return the requests sent to a version and not yet reported done."""
        return sum(max(0, totals.sent - totals.done) for totals in shards_of(self.arms, entry))

    def interactive_load(self) -> tuple[int, int]:
        """Return the requests in flight for which somebody waits, and their bytes.

        A version that keeps order has no shard of its own for them: there, all count.
        """
        ordered = {entry.version for entry in self.table.versions.values() if entry.spec.ordered}
        return _load(
            totals
            for totals in self.arms.shards
            if totals.shard == INTERACTIVE_SHARD or totals.version in ordered
        )

    def room(self) -> Room:
        """Return how much more of the stream may be sent to the model's shards."""
        shards = self._stream()
        messages = (totals.sent_messages - totals.done_messages for totals in shards)
        return room(self._pace(), *_load(shards), max(messages, default=0))

    def measure(self, now_ms: int) -> None:
        """Let the bound follow what the shards got done."""
        shards = self._stream()
        since = self.arms.pace.at_ms
        active = sum(totals.heard_ms > since or totals.sent > totals.done for totals in shards)
        work = Work(sum(one.done for one in shards), sum(one.busy_ms for one in shards), max(1, active))
        pace, kept = paced(self._pace(), work, now_ms, is_pressed=bool(self.arms.backlog)), self.arms.pace
        kept.limit, kept.done, kept.busy_ms, kept.at_ms = pace
        self.touch("arms")

    def _stream(self) -> list[pb.ShardTotals]:
        return [totals for totals in self.arms.shards if totals.shard != INTERACTIVE_SHARD]

    def _pace(self) -> Pace:
        kept = self.arms.pace
        return Pace(kept.limit or FIRST, kept.done, kept.busy_ms, kept.at_ms)

    def forget_retired(self) -> None:
        """Drop the totals of generations that left the table."""
        alive = {(entry.version, entry.generation) for entry in self.table.versions.values()}
        kept = [totals for totals in self.arms.shards if (totals.version, totals.generation) in alive]
        if len(kept) != len(self.arms.shards):
            del self.arms.shards[:]
            self.arms.shards.extend(kept)
            drains = [drain for drain in self.arms.drains if (drain.version, drain.generation) in alive]
            del self.arms.drains[:]
            self.arms.drains.extend(drains)
            self.touch("arms")

    def save(self, effects: Effects) -> None:
        """Write what changed."""
        if "table" in self._dirty:
            value = table_to_bytes(self.table)
            self._cache.put(self._model, value, self.plan)
            effects.set_state("table", TABLE, value)
        if "arms" in self._dirty:
            effects.set_state("arms", ARMS, self.arms.SerializeToString())
        if "pods" in self._dirty:
            effects.set_state("pods", PODS, self.pods.SerializeToString())


def _load(shards: Iterable[pb.ShardTotals]) -> tuple[int, int]:
    """Return what is in flight at shards: requests and bytes."""
    count = size = 0
    for totals in shards:
        count += max(0, totals.sent - totals.done)
        size += max(0, totals.sent_bytes - totals.done_bytes)
    return count, size
