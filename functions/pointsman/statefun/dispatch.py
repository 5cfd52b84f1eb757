"""Requests on their way through the router: refused, forwarded, parked, or sent to a shard."""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from typing import Final

from pointsman.core.decide import Wait, choose
from pointsman.core.decision_id import signer
from pointsman.core.ids import GRAMMAR, NOBODY, ShardAddress, is_name
from pointsman.core.pace import Room
from pointsman.core.split import draw_many
from pointsman.core.table import VersionEntry, stand_in
from pointsman.errors import (
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    Failure,
)
from pointsman.outputs import egress_of
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.settings import Settings
from pointsman.statefun.admission import room
from pointsman.statefun.backlog import Backlog
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import INTERACTIVE, PARKED, REQUESTS, TASKS
from pointsman.statefun.refusal import refuse
from pointsman.statefun.returned import parked_of
from pointsman.statefun.router_state import RouterState
from pointsman.statefun.shards import shards_of
from pointsman.statefun.sift import Window, ask_windows, window_of
from pointsman.topics import RESPONSES
from pointsman.wire.head import Head, deadline_of, headless, read_heads, split_records
from pointsman.wire.place import passed_on
from pointsman.wire.response import Served, error_from_pb
from pointsman.wire.task import Sender, task_batches

logger = logging.getLogger(__name__)

DEFAULT_MAX_INFLIGHT: Final = 2_000
# Beyond this a model's interactive requests are refused, however few they are.
MAX_INFLIGHT_BYTES: Final = 64 << 20
# A request without a ready version looks again after 0.25, 0.5, 1, 2, 2, ... seconds.
_PARK_MS: Final = (250, 500, 1_000, 2_000)
_BROKEN: Final = Failure(INTERNAL, "the router could not handle this record")


class Dispatch:
    """One batch of requests at the router of one model."""

    def __init__(
        self,
        model: str,
        state: RouterState,
        backlog: Backlog,
        effects: Effects,
        settings: Settings,
        now_ms: int,
    ) -> None:
        self._model = model
        self._state = state
        self._backlog = backlog
        self._effects = effects
        self._settings = settings
        self._now_ms = now_ms
        self._is_pressed = False  # more requests of the stream wait than are sent

    def run(self, batch: bytes) -> None:
        """Give every record of an IngressBatch its next step, or let it wait in its topic."""
        batch = self._backlog.joined_by(batch)
        if batch:
            left = self._take(batch, read_heads(batch), self._state.room())
            if left:
                self._backlog.begin(batch, left)

    def run_fed(self, value: bytes) -> None:
        """Go on with requests that waited in their topic."""
        fed = serving_pb2.Fed.FromString(value)
        stretch = self._backlog.current(fed)
        if stretch is not None:
            left = self._take(fed.batch, read_heads(fed.batch), self._state.room())
            self._backlog.advance(stretch, fed, left)

    def run_interactive(self, batch: bytes) -> None:
        """Give requests their next step for which somebody waits: at once, or never."""
        heads = [head._replace(interactive=True) for head in read_heads(batch)]
        self._take(batch, heads, None, lane=INTERACTIVE)

    def run_distinct(self, batch: bytes) -> None:
        """Go on with requests of which the window says that they are no repeats; they had their room."""
        self._take(batch, read_heads(batch), None, is_distinct=True)

    def _take(
        self,
        batch: bytes,
        heads: Sequence[Head],
        room: Room | None,
        *,
        is_distinct: bool = False,
        lane: str = REQUESTS,
    ) -> list[int]:
        """Take new requests, of which some may be refused for want of time or are repeats."""
        may_repeat = bool(self._settings.deduplicate) and not is_distinct
        full = self._is_full(heads)
        return self._run(batch, heads, room=room, full=full, is_new=True, may_repeat=may_repeat, lane=lane)

    def run_moved(self, batch: bytes) -> None:
        """Decide anew on requests that an earlier split had decided; none is refused for want of room."""
        self._run(batch, read_heads(batch))

    def run_diverted(self, value: bytes) -> None:
        """Send what a version could not answer to its fallback, once; where there is none, answer it."""
        diverted = serving_pb2.Diverted.FromString(value)
        heads, raw = read_heads(diverted.batch), split_records(diverted.batch)
        entry = stand_in(self._state.table, diverted.version)
        if entry is not None:
            sent = self._admitted(entry, heads, raw, range(len(heads)))
            self._send(entry, heads, raw, sent, frozenset(), arm=diverted.version)
            return
        served = self._meant(diverted)
        for head, record in zip(heads, raw, strict=True):
            self._refuse(head, record, error_from_pb(diverted.error), served)

    def _meant(self, diverted: serving_pb2.Diverted) -> Served:
        return Served(self._model, diverted.version, diverted.version, diverted.epoch)

    def _run(
        self,
        batch: bytes,
        heads: Sequence[Head],
        attempt: int = 0,
        *,
        room: Room | None = None,
        full: bool = False,
        is_new: bool = False,
        may_repeat: bool = False,
        lane: str = REQUESTS,
    ) -> list[int]:
        """Take the requests in order while there is room; return those from the first that must wait."""
        raw = split_records(batch)
        undecided: list[int] = []
        chosen: dict[str, tuple[VersionEntry, list[int]]] = {}
        waiting: list[int] = []
        left: list[int] = []
        strangers: dict[str, list[bytes]] = {}
        asked: dict[int, list[bytes]] = {}
        for index, head in enumerate(heads):
            if left:
                left.append(index)
                continue
            if head.model != self._model and self._is_stranger(head, raw[index], strangers):
                continue
            verdict = self._verdict(head, raw[index], full, may_repeat)
            if isinstance(verdict, Failure):
                self._refuse(head, raw[index], verdict)
            elif room is not None and self._must_wait(head, verdict, room, len(raw[index])):
                left.append(index)
            elif verdict is None:
                undecided.append(index)
            elif isinstance(verdict, VersionEntry):
                chosen.setdefault(verdict.version, (verdict, []))[1].append(index)
            elif isinstance(verdict, Window):
                asked.setdefault(verdict.number, []).append(raw[index])
            else:
                waiting.append(index)
        self._is_pressed = bool(self._state.arms.backlog) or bool(left)
        self._split(heads, undecided, chosen)
        drawn = frozenset(undecided)
        for entry, indices in chosen.values():
            sent = self._admitted(entry, heads, raw, indices) if is_new else indices
            self._send(entry, heads, raw, sent, frozenset() if entry.spec.ordered else drawn)
        self._forward(strangers, lane)
        ask_windows(self._model, self._effects, asked)
        self._park(heads, raw, waiting, attempt)
        return left

    def _must_wait(
        self, head: Head, verdict: VersionEntry | Wait | Window | None, room: Room, size: int
    ) -> bool:
        """Whether a request of the stream must wait in its topic: for room, or for any version."""
        plan = self._state.plan
        if isinstance(verdict, Wait):
            return verdict is plan.no_split
        if isinstance(verdict, Window) and plan.split is None and isinstance(plan.no_split, Wait):
            return True  # where the window sends it no room is asked for
        return not head.interactive and not room.takes(size)

    def _is_full(self, heads: Sequence[Head]) -> bool:
        if not any(head.interactive for head in heads):
            return False
        limit = self._state.table.limits.max_inflight or DEFAULT_MAX_INFLIGHT
        count, size = self._state.interactive_load()
        return count >= limit or size >= MAX_INFLIGHT_BYTES

    def _is_stranger(self, head: Head, record: bytes, strangers: dict[str, list[bytes]]) -> bool:
        """Whether the record is another router's; a record that names no model is whoever's it reached."""
        if head.fault is not None or (not head.model and self._model != NOBODY):
            return False
        if not head.model:
            message = "no model: give the record a key, a header `model`, or the field `model`"
            self._refuse(head, record, Failure(INVALID_ARGUMENT, message, "model"))
        elif not is_name(head.model):
            self._refuse(head, record, Failure(INVALID_ARGUMENT, f"a model's name is {GRAMMAR}", "model"))
        else:
            strangers.setdefault(head.model, []).append(passed_on(record, self._model))
        return True

    def _verdict(
        self, head: Head, record: bytes, full: bool, may_repeat: bool
    ) -> VersionEntry | Failure | Wait | Window | None:
        if head.fault is not None:
            return head.fault
        plan = self._state.plan
        if not plan.table.versions:
            return Failure(NOT_FOUND, f"unknown model {self._model!r}", "model")
        if may_repeat and (window := window_of(record, head, plan.table, self._settings.deduplicate)):
            return window
        return self._decided(head, full)

    def _decided(self, head: Head, full: bool) -> VersionEntry | Failure | Wait | None:
        plan = self._state.plan
        deadline = self._deadline(head)
        if deadline and deadline <= self._now_ms:
            return Failure(DEADLINE_EXCEEDED, f"the deadline passed {self._now_ms - deadline} ms ago")
        if full and head.interactive:
            return Failure(RESOURCE_EXHAUSTED, f"model {self._model} has its limit of requests in flight")
        if head.version or head.label:
            return choose(plan, head.version, head.label)
        return None if plan.split is not None else plan.no_split

    def _deadline(self, head: Head) -> int:
        default = self._state.table.limits.deadline_ms
        return head.deadline_ms or deadline_of(head.timestamp_ms, default)

    def _split(
        self,
        heads: Sequence[Head],
        undecided: Sequence[int],
        chosen: dict[str, tuple[VersionEntry, list[int]]],
    ) -> None:
        plan = self._state.plan
        if not undecided or plan.split is None:
            return
        sticky = plan.table.route.sticky
        units = [(sticky and heads[index].unit) or heads[index].id for index in undecided]
        names, versions = plan.split.names, plan.table.versions
        groups: list[list[int]] = [[] for _ in names]
        for index, arm in zip(undecided, draw_many(plan.split, units), strict=True):
            groups[arm].append(index)
        for name, indices in zip(names, groups, strict=True):
            if indices:
                chosen.setdefault(name, (versions[name], []))[1].extend(indices)

    def _admitted(
        self, entry: VersionEntry, heads: Sequence[Head], raw: Sequence[bytes], indices: Sequence[int]
    ) -> Sequence[int]:
        """Refuse the interactive requests that a version would not answer in time; return the others."""
        left = room(self._state.arms, entry, self._now_ms)
        if left is None or not any(heads[index].interactive for index in indices):
            return indices
        kept: list[int] = []
        for index in indices:
            head = heads[index]
            deadline = self._deadline(head)
            if not head.interactive:
                if entry.spec.ordered:  # there, both have the same shards
                    left.take()
            elif not left.admits(deadline - self._now_ms if deadline else 0):
                message = f"version {entry.version} of {self._model} is {left.wait_ms} ms behind"
                self._refuse(head, raw[index], Failure(RESOURCE_EXHAUSTED, message))
                continue
            kept.append(index)
        return kept

    def _send(
        self,
        entry: VersionEntry,
        heads: Sequence[Head],
        raw: Sequence[bytes],
        indices: Sequence[int],
        drawn: Set[int],
        arm: str = "",
    ) -> None:
        """Send requests to a version; `arm` is the one that they were meant for, if it is another."""
        if not indices:
            return
        table, other = self._state.table, None if arm else stand_in(self._state.table, entry.version)
        arm, fallback = arm or entry.version, "" if other is None else other.version
        sign = signer(self._settings.secret.encode(), self._model, arm, table.epoch, self._now_ms)
        sender = Sender(
            self._model, entry, table.epoch, *self._output, table.route.features, self._now_ms,
            self._is_pressed, arm, fallback,
        )  # fmt: skip
        default = table.limits.deadline_ms
        for shard, part in shards_of(self._state, entry, heads, indices):
            work = [
                (
                    head
                    if head.deadline_ms or not default
                    else head._replace(deadline_ms=self._deadline(head)),
                    index,
                    sign(head.id),
                    index in drawn,
                )
                for index, head in ((index, heads[index]) for index in part)
            ]
            totals = self._state.shard(entry, shard)
            address = str(ShardAddress(self._model, entry.version, shard))
            for batch, count in task_batches(sender, work, raw):
                self._effects.send("models", entry.spec.pool, address, TASKS, batch)
                totals.sent += count
                totals.sent_bytes += len(batch)
                totals.sent_messages += 1
        self._state.touch("arms")

    def _forward(self, strangers: dict[str, list[bytes]], lane: str) -> None:
        for model, records in strangers.items():
            batch = serving_pb2.RawBatch(records=records).SerializeToString()
            self._effects.send("pointsman", "router", model, lane, batch)

    def _park(
        self, heads: Sequence[Head], raw: Sequence[bytes], waiting: Sequence[int], attempt: int
    ) -> None:
        arms, kept, size = self._state.arms, [], 0
        for index in waiting:
            if arms.waiting_bytes + size + len(raw[index]) > self._settings.waiting_bytes:
                message = f"no version of {self._model} is ready and too much is waiting already"
                self._refuse(heads[index], raw[index], Failure(UNAVAILABLE, message))
                continue
            kept.append(raw[index])
            size += len(raw[index])
        if not kept:
            return
        parked = parked_of(kept, attempt + 1)
        arms.waiting_bytes += size
        arms.waiting += len(kept)
        self._state.touch("arms")
        delay = _PARK_MS[min(attempt, len(_PARK_MS) - 1)]
        self._effects.send_after(
            delay, "pointsman", "router", self._model, PARKED, parked.SerializeToString()
        )

    def unpark(self, value: bytes) -> None:
        """Look again at requests that found no ready version."""
        parked = self._taken_up(value)
        self._run(parked.batch, read_heads(parked.batch), parked.attempt)

    def _taken_up(self, value: bytes) -> serving_pb2.Parked:
        parked = serving_pb2.Parked.FromString(value)
        arms = self._state.arms
        arms.waiting_bytes = max(0, arms.waiting_bytes - parked.bytes)
        arms.waiting = max(0, arms.waiting - parked.count)
        self._state.touch("arms")
        return parked

    def give_up(self, batch: bytes, served: Served | None = None) -> None:
        """Answer the one record of a batch that cannot be handled; `served` says by whom, if anybody."""
        try:
            heads = read_heads(batch)
        except Exception:
            logger.exception("not even the head of a record to %s can be read", self._model)
            heads = [headless(record) for record in ingress_pb2.IngressBatch.FromString(batch).records]
        for head, record in zip(heads, split_records(batch), strict=True):
            self._refuse(head, record, _BROKEN, served)

    def give_up_parked(self, value: bytes) -> None:
        """Answer parked requests that cannot be handled."""
        self.give_up(self._taken_up(value).batch)

    def give_up_diverted(self, value: bytes) -> None:
        """Answer requests that a version could not answer and that cannot be handled."""
        diverted = serving_pb2.Diverted.FromString(value)
        self.give_up(diverted.batch, self._meant(diverted))

    def give_up_fed(self, value: bytes) -> None:
        """Answer requests that waited in their topic and cannot be handled."""
        fed = serving_pb2.Fed.FromString(value)
        stretch = self._backlog.current(fed)
        if stretch is not None:
            self.give_up(fed.batch)
            self._backlog.advance(stretch, fed, [])

    def _refuse(self, head: Head, record: bytes, failure: Failure, served: Served | None = None) -> None:
        served = served or Served(head.model or self._model, "", "", 0)
        refuse(self._effects, served, self._output, head, record, failure, self._now_ms)

    @property
    def _output(self) -> tuple[str, str]:
        """The topic of the answers, and the egress by which they and their dead letters are written."""
        topic = self._state.table.route.output or RESPONSES
        return topic, egress_of(self._settings.outputs, topic)
