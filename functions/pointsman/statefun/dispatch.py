"""Requests on their way through the router: refused, forwarded, parked, or sent to a shard."""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from typing import Final

import xxhash

from pointsman.core.decide import Wait, choose
from pointsman.core.decision_id import signer
from pointsman.core.ids import GRAMMAR, NOBODY, ShardAddress, is_name
from pointsman.core.split import draw_many
from pointsman.core.table import VersionEntry
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
from pointsman.pb.v1 import inference_pb2, ingress_pb2, serving_pb2
from pointsman.settings import Settings
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import PARKED, REQUESTS, TASKS
from pointsman.statefun.router_state import RouterState
from pointsman.statefun.sift import sift
from pointsman.topics import DEAD_LETTERS, RESPONSES
from pointsman.wire.head import JSON, Head, deadline_of, read_heads, split_records, stable_id
from pointsman.wire.json_response import Answered, refusal_to_json
from pointsman.wire.response import ResponseWriter, Served, dead_letter, echo_of_bytes
from pointsman.wire.task import Sender, task_batches

logger = logging.getLogger(__name__)

DEFAULT_MAX_INFLIGHT: Final = 2_000
# Beyond this a model's interactive requests are refused, however few they are.
MAX_INFLIGHT_BYTES: Final = 64 << 20
# A shard with so many requests in flight has much to do. No less than what it may leave unreported.
BUSY: Final = 512
# A request without a ready version looks again after 0.25, 0.5, 1, 2, 2, ... seconds.
_PARK_MS: Final = (250, 500, 1_000, 2_000)
_NO_TIMINGS: Final = inference_pb2.Timings()
_BROKEN: Final = Failure(INTERNAL, "the router could not handle this record")


class Dispatch:
    """One batch of requests at the router of one model."""

    def __init__(
        self, model: str, state: RouterState, effects: Effects, settings: Settings, now_ms: int
    ) -> None:
        self._model = model
        self._state = state
        self._effects = effects
        self._settings = settings
        self._now_ms = now_ms

    def run(self, batch: bytes) -> None:
        """Give every record of an IngressBatch its next step."""
        rest = sift(self._model, self._state.table, self._settings, self._effects, batch)
        self.run_distinct(rest)

    def run_distinct(self, batch: bytes) -> None:
        """Do the same with requests of which the window says that they are no repeats."""
        self._run(batch, 0, is_admitted=False)

    def run_moved(self, batch: bytes) -> None:
        """Decide anew on requests that an earlier split had decided; none is refused for want of room."""
        self._run(batch, 0, is_admitted=True)

    def _run(self, batch: bytes, attempt: int, *, is_admitted: bool) -> None:
        raw, heads = split_records(batch), read_heads(batch)
        undecided: list[int] = []
        chosen: dict[str, tuple[VersionEntry, list[int]]] = {}
        waiting: list[int] = []
        strangers: dict[str, list[bytes]] = {}
        full = not is_admitted and self._is_full(heads)
        for index, head in enumerate(heads):
            if head.model != self._model and self._is_stranger(head, raw[index], strangers):
                continue
            verdict = self._verdict(head, full)
            if verdict is None:
                undecided.append(index)
            elif isinstance(verdict, VersionEntry):
                chosen.setdefault(verdict.version, (verdict, []))[1].append(index)
            elif isinstance(verdict, Wait):
                waiting.append(index)
            else:
                self._refuse(head, raw[index], verdict)
        self._split(heads, undecided, chosen)
        for entry, indices in chosen.values():
            self._send(entry, heads, raw, indices, set() if entry.spec.ordered else set(undecided))
        self._forward(strangers)
        self._park(heads, raw, waiting, attempt)

    def _is_full(self, heads: Sequence[Head]) -> bool:
        if not any(head.interactive for head in heads):
            return False
        limit = self._state.table.limits.max_inflight or DEFAULT_MAX_INFLIGHT
        count, size = self._state.total_inflight()
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
            strangers.setdefault(head.model, []).append(record)
        return True

    def _verdict(self, head: Head, full: bool) -> VersionEntry | Failure | Wait | None:
        if head.fault is not None:
            return head.fault
        plan = self._state.plan
        if not plan.table.versions:
            return Failure(NOT_FOUND, f"unknown model {self._model!r}", "model")
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

    def _send(
        self,
        entry: VersionEntry,
        heads: Sequence[Head],
        raw: Sequence[bytes],
        indices: Sequence[int],
        drawn: Set[int],
    ) -> None:
        table = self._state.table
        sign = signer(self._settings.secret.encode(), self._model, entry.version, table.epoch, self._now_ms)
        output, egress = self._output
        sender = Sender(self._model, entry, table.epoch, output, egress, table.route.features)
        default = table.limits.deadline_ms
        for shard, part in self._shards(entry, heads, indices):
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
        self._state.touch("arms")

    def _shards(
        self, entry: VersionEntry, heads: Sequence[Head], indices: Sequence[int]
    ) -> list[tuple[int, Sequence[int]]]:
        """Return which shard takes which requests: by unit where order is asked, else all go to one.

        That is the first shard with little to do, for few requests together make a batch and spread out make
        calls; where all have much to do it is the idlest.
        """
        count = entry.spec.concurrency
        if count == 1:
            return [(0, indices)]
        if entry.spec.ordered:
            parts: dict[int, list[int]] = {}
            for index in indices:
                unit = heads[index].unit or heads[index].id
                parts.setdefault(_shard_of(unit, count), []).append(index)
            return list(parts.items())
        totals = [self._state.shard(entry, shard) for shard in range(count)]
        load = [shard.sent - shard.done for shard in totals]
        return [(next((n for n in range(count) if load[n] < BUSY), load.index(min(load))), indices)]

    def _forward(self, strangers: dict[str, list[bytes]]) -> None:
        for model, records in strangers.items():
            batch = serving_pb2.RawBatch(records=records).SerializeToString()
            self._effects.send("pointsman", "router", model, REQUESTS, batch)

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
        self._run(parked.batch, parked.attempt, is_admitted=True)

    def _taken_up(self, value: bytes) -> serving_pb2.Parked:
        parked = serving_pb2.Parked.FromString(value)
        arms = self._state.arms
        arms.waiting_bytes = max(0, arms.waiting_bytes - parked.bytes)
        arms.waiting = max(0, arms.waiting - parked.count)
        self._state.touch("arms")
        return parked

    def give_up(self, batch: bytes) -> None:
        """Answer the one record of a batch that cannot be handled."""
        try:
            heads = read_heads(batch)
        except Exception:
            logger.exception("not even the head of a record to %s can be read", self._model)
            heads = [_headless(record) for record in ingress_pb2.IngressBatch.FromString(batch).records]
        for head, record in zip(heads, split_records(batch), strict=True):
            self._refuse(head, record, _BROKEN)

    def give_up_parked(self, value: bytes) -> None:
        """Answer parked requests that cannot be handled."""
        self.give_up(self._taken_up(value).batch)

    def _refuse(self, head: Head, record: bytes, failure: Failure) -> None:
        refuse(self._effects, self._model, self._output, head, record, failure, self._now_ms)

    @property
    def _output(self) -> tuple[str, str]:
        """The topic of the answers, and the egress by which they and their dead letters are written."""
        topic = self._state.table.route.output or RESPONSES
        return topic, egress_of(self._settings.outputs, topic)


def parked_of(records: Sequence[bytes], attempt: int) -> serving_pb2.Parked:
    """Return the message that brings records back after a while."""
    return serving_pb2.Parked(
        batch=serving_pb2.RawBatch(records=records).SerializeToString(),
        attempt=attempt,
        bytes=sum(map(len, records)),
        count=len(records),
    )


def _headless(record: ingress_pb2.Ingress) -> Head:
    own = stable_id(record)
    return Head(own, "", "", "", "", 0, own, False, record.timestamp_ms, record.format, b"", None)


def _shard_of(unit: str, count: int) -> int:
    return xxhash.xxh64_intdigest(unit.encode()) % count


def refuse(
    effects: Effects,
    model: str,
    output: tuple[str, str],
    head: Head,
    record: bytes,
    failure: Failure,
    now_ms: int,
) -> None:
    """Give a record its final answer, an error, and a dead letter unless somebody waits who may retry."""
    topic, egress = output
    served = Served(head.model or model, "", "", 0)
    ingress = ingress_pb2.Ingress.FromString(record)
    if head.format == JSON:
        answer = refusal_to_json(Answered(head.id, served, "", head.context), failure)
    else:
        answer = ResponseWriter(served, _NO_TIMINGS).refusal(
            head.id, "", failure, echo_of_bytes(ingress.value)
        )
    effects.egress(topic, head.reply_key, answer, egress)
    if head.interactive and failure.retryable:
        return
    letter = dead_letter(ingress, served, head.id, failure, now_ms, effects.letter_bytes)
    effects.egress(DEAD_LETTERS, served.model, letter, egress)
