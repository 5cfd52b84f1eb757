"""The model function: all tasks queued for a shard, one forward per micro-batch, one answer per task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final, Protocol

from google.protobuf.message import DecodeError

from pointsman.core.batching import cut
from pointsman.core.ids import ShardAddress
from pointsman.core.signature import check_item
from pointsman.core.tensor import Item, Signature
from pointsman.errors import DEADLINE_EXCEEDED, FAILED_PRECONDITION, INTERNAL, Failure
from pointsman.pb.v1 import inference_pb2, serving_pb2
from pointsman.runtimes.base import UNRUN, Key, Result
from pointsman.runtimes.host import Ran
from pointsman.statefun.answers import SPENT, Answers
from pointsman.statefun.claims import Claims
from pointsman.statefun.clock import Clock, now_ms
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import HANDLE, MOVED, REPORT, TASKS, TICK, Call, joined
from pointsman.statefun.turns import CALL_MS, Turns
from pointsman.wire.decode import decode_work, uniform_items
from pointsman.wire.spec import spec_from_pb
from pointsman.wire.state import known
from pointsman.wire.task import MAX_BATCH_BYTES, Batch, Work, joining_head, read_records, read_tasks, tasks_of

logger = logging.getLogger(__name__)

# A call that finds its version still loading waits `load_wait_ms` and comes again so often; meanwhile it may
# meet a pod that has it. So does what a request that ended its process left undone.
ATTEMPTS: Final = 30
# Totals go to the router after this many requests or this much time, whichever is first. With twenty idle
# models a report every 100 ms made more calls than the requests did.
REPORT_ITEMS: Final = 256
REPORT_MS: Final = 500
# While work waits so long, beside its own pass, the router must know sooner how fast it is worked off.
WAIT_MS: Final = 50
WAITING_REPORT_MS: Final = 100


class Runner(Protocol):
    """What a model function needs of its pod."""

    def signature(self, key: Key) -> Signature | None:
        """Return the signature of a held version."""

    async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Run items, of which each has so much time left, 0 for any; never raises."""


class ModelFunction:
    """`models/<pool>`. Total like the router: a task is answered, whatever happens to it.

    Except where a newer release wrote the state: NewerRelease leaves the call to a pod as new.
    """

    states: Mapping[str, str] = {"handle": HANDLE, "totals": REPORT}
    messages = frozenset({HANDLE, TASKS, TICK})

    def __init__(
        self,
        runner: Runner,
        claims: Claims,
        clock: Clock = now_ms,
        is_outdated: Callable[[str, int], bool] = lambda model, epoch: False,
    ) -> None:
        self._runner = runner
        self._is_outdated = is_outdated
        self._claims = claims
        self._clock = clock
        self._turns = Turns()

    async def __call__(self, call: Call) -> bytes:
        """Return the reply to a call that brought its state."""
        effects = Effects()
        handle = known(serving_pb2.Handle.FromString(call.state["handle"] or b""))
        totals = known(serving_pb2.BatchReport.FromString(call.state["totals"] or b""))
        shard = _Shard(call, handle, totals, effects, self._clock)
        shard.arrived = sum(invocation.typename == TASKS for invocation in call.invocations)
        for typename, value in joined(call.invocations, TASKS, joining_head):
            try:
                await self._take(shard, typename, value)
            except DecodeError:
                logger.error("a message of type %s to %s is malformed", typename, call.id)
        shard.close()
        await self._claims.keep(effects.kept)
        return effects.to_bytes()

    async def _take(self, shard: _Shard, typename: str, value: bytes) -> None:
        if typename == HANDLE:
            shard.take_handle(value)
        elif typename == TASKS and (shard.is_late or shard.is_absent):
            shard.send_back(value)
        elif typename == TASKS:
            await self._serve(shard, value)
        elif typename == TICK:
            shard.flush()
        else:
            logger.warning("a model function knows no message of type %s", typename)

    async def _serve(self, shard: _Shard, value: bytes) -> None:
        batch, work = read_tasks(value)
        shard.begin(batch)
        if self._is_outdated(batch.model, batch.epoch) and any(one.task.drawn for one in work):
            value = shard.hand_back(batch, work, value)
            batch, work = read_tasks(value)
        answers = Answers(batch, value, shard.effects, self._claims, self._clock)
        left: Sequence[int] = ()
        try:
            left = await self._answer(shard, batch, work, answers)
        except Exception:
            logger.exception("a batch of %d tasks of %s broke", len(work), shard.address)
            failure = Failure(INTERNAL, "the model function could not handle this request")
            for index, one in enumerate(work):
                if not answers.has(index):
                    answers.refuse(index, one, failure)
        answers.close()
        rest = tasks_of(value, left, attempts=int(shard.is_absent)) if left else b""
        if rest:
            shard.send_back(rest)
        shard.count(batch, len(work) - len(left), len(value) - len(rest), answers)

    async def _answer(
        self,
        shard: _Shard,
        batch: Batch,
        work: Sequence[Work],
        answers: Answers,
    ) -> Sequence[int]:
        """Answer the tasks, turn by turn, and return those for which this call has no time left."""
        key = Key(batch.model, batch.version, batch.generation)
        signature = self._runner.signature(key) or shard.signature
        now = self._clock()
        items, kept = self._uniform(work, signature, now, shard), list(enumerate(work))
        if items is None:
            items, kept = await self._one_by_one(shard, batch, work, signature, answers)
        done, is_bound = 0, not any(one.task.drawn for one in work)
        while done < len(items) and not (done and self._is_over(shard, batch, is_bound)):
            turn = slice(done, done + self._turns.share(key, len(items) - done))
            now = self._clock()
            late = self._refuse_late(kept[turn], now, answers)
            if late:
                items[turn], kept[turn] = _without(late, items[turn], kept[turn])
                continue
            ran = await self._runner.run(key, items[turn], _left(kept[turn], now))
            if ran.is_absent and all(one.task.attempt < ATTEMPTS for _, one in kept[done:]):
                shard.is_absent = True
                break
            self._turns.took(key, len(ran.results), self._clock() - now)
            timings = inference_pb2.Timings(compute_us=ran.compute_us, batch_rows=ran.rows)
            run, unrun = _sorted(kept[turn], ran.results)
            await answers.add(timings, now, *run)
            shard.ran(ran)
            done += len(ran.results)
            if unrun:
                shard.is_absent = True
                return unrun + [index for index, _ in kept[done:]]
        return [index for index, _ in kept[done:]]

    def _is_over(self, shard: _Shard, batch: Batch, is_bound: bool) -> bool:
        """Whether what is left of a batch is for another call, or for another version if it is not bound."""
        return shard.is_late or (not is_bound and self._is_outdated(batch.model, batch.epoch))

    def _refuse_late(self, kept: Sequence[tuple[int, Work]], now: int, answers: Answers) -> set[int]:
        """Answer the tasks of a turn whose deadline has passed while others had theirs; return which."""
        late: set[int] = set()
        for place, (index, one) in enumerate(kept):
            failure = _expired(one, now)
            if failure is not None:
                answers.refuse(index, one, failure)
                late.add(place)
        return late

    def _uniform(
        self, work: Sequence[Work], signature: Signature | None, now: int, shard: _Shard
    ) -> list[Item] | None:
        """Return the items of a batch that needs no look at each task, or None."""
        if shard.effects.is_spent or any(0 < one.task.deadline_ms <= now for one in work):
            return None
        return uniform_items(work, signature)

    async def _one_by_one(
        self,
        shard: _Shard,
        batch: Batch,
        work: Sequence[Work],
        signature: Signature | None,
        answers: Answers,
    ) -> tuple[list[Item], list[tuple[int, Work]]]:
        """Return the items that can be served and their tasks; the others get their answer here."""
        now, items, kept, is_fetched = self._clock(), [], [], False
        unfetched: Failure | None = None
        for index, one in enumerate(work):
            item = self._item(one, signature, batch.features, now, shard.effects)
            if isinstance(item, Failure) and item.code == FAILED_PRECONDITION and not is_fetched:
                # A tensor by reference: fetched now, and once, for all of the batch that have one.
                is_fetched = True
                unfetched = await self._claims.fetch(work[index:])
                item = self._item(one, signature, batch.features, now, shard.effects)
            if isinstance(item, Failure):
                is_reference = item.code == FAILED_PRECONDITION
                answers.refuse(index, one, unfetched if unfetched is not None and is_reference else item)
            else:
                items.append(item)
                kept.append((index, one))
        return items, kept

    def _item(
        self, one: Work, signature: Signature | None, features: Sequence[str], now: int, effects: Effects
    ) -> Item | Failure:
        late = _expired(one, now)
        if late is not None:
            return late
        if effects.is_spent:
            return SPENT
        item = decode_work(one, signature, features)
        if isinstance(item, Failure):
            return item
        return check_item(signature, item) or item


class _Shard:
    """One shard during one call: its handle, its totals, its reports."""

    def __init__(
        self,
        call: Call,
        handle: serving_pb2.Handle,
        totals: serving_pb2.BatchReport,
        effects: Effects,
        clock: Clock,
    ) -> None:
        self.effects = effects
        self.address = call.id
        self.arrived = 0  # messages with tasks that are not counted yet
        self.is_absent = False  # the version is not in this pod yet, or lost its process
        self._pool = call.type
        self._handle = handle
        self._totals = totals
        self._clock = clock
        self._begun_ms = self._counted_ms = clock()
        self._is_handle_new = False
        self._is_counted = False
        self._pressing = ""  # the model of which more waits in the topics

    @property
    def signature(self) -> Signature | None:
        """What the handle says of the version's inputs; the pod knows better once it has loaded it."""
        return spec_from_pb(self._handle.spec).signature if self._handle.HasField("spec") else None

    @property
    def is_late(self) -> bool:
        """Whether the call has taken its time: what is left goes back to the end of the shard's queue."""
        return self._clock() - self._begun_ms >= CALL_MS

    def send_back(self, tasks: bytes) -> None:
        """Send tasks to this shard again."""
        self.effects.send("models", self._pool, self.address, TASKS, tasks)
        self._totals.messages -= 1

    def hand_back(self, batch: Batch, work: Sequence[Work], tasks: bytes) -> bytes:
        """Let the router decide anew on what its split decided; return the batch without that."""
        drawn = [index for index, one in enumerate(work) if one.task.drawn]
        rest = tasks_of(tasks, [index for index, one in enumerate(work) if not one.task.drawn])
        records = read_records(tasks)
        moving = [records[index] for index in drawn]
        for part in cut(list(map(len, moving)), MAX_BATCH_BYTES):
            moved = serving_pb2.RawBatch(records=moving[part]).SerializeToString()
            self.effects.send("pointsman", "router", batch.model, MOVED, moved)
        self._add(batch, len(drawn), len(tasks) - len(rest))
        return rest

    def take_handle(self, value: bytes) -> None:
        """Keep the newest handle."""
        handle = serving_pb2.Handle.FromString(value)
        if handle.generation < self._handle.generation:
            return
        self._handle, self._is_handle_new = handle, True

    def begin(self, batch: Batch) -> None:
        """Start new totals where the batch is of another generation than the last one."""
        totals = self._totals
        if totals.generation != batch.generation:
            totals.Clear()
            parsed = ShardAddress.parse(self.address)
            totals.version, totals.generation = batch.version, batch.generation
            totals.shard = parsed.shard if parsed else 0
        totals.messages, self.arrived = totals.messages + self.arrived, 0
        self._pressing = batch.model if batch.pressed else self._pressing

    def ran(self, ran: Ran) -> None:
        """Count a forward pass."""
        self._totals.rows += ran.rows
        self._totals.batches += 1
        self._totals.compute_us += ran.compute_us
        self._totals.pass_ms = ran.compute_us // max(1, ran.passes) // 1000

    def count(
        self,
        batch: Batch,
        done: int,
        size: int,
        answers: Answers,
    ) -> None:
        """Count answered tasks."""
        self._totals.failed += answers.failed
        self._add(batch, done, size)

    def _add(self, batch: Batch, done: int, size: int) -> None:
        totals = self._totals
        totals.done += done
        totals.done_bytes += size
        self._is_counted = True
        now = self._clock()
        totals.wait_ms = max(0, now - batch.at_ms) if batch.at_ms else 0
        is_waiting = totals.wait_ms - totals.pass_ms >= WAIT_MS
        often = WAITING_REPORT_MS if is_waiting else REPORT_MS
        if totals.done - totals.reported_done >= REPORT_ITEMS or now - totals.reported_at_ms >= often:
            self._report(batch.model, now)
        elif not totals.flush_armed:
            totals.flush_armed = True
            tick = serving_pb2.Tick(due_ms=now + REPORT_MS).SerializeToString()
            self.effects.send_after(REPORT_MS, "models", self._pool, self.address, TICK, tick)

    def flush(self) -> None:
        """Report what the last calls left unreported."""
        totals = self._totals
        totals.flush_armed = False
        totals.wait_ms = 0  # nothing came since the last call
        self._is_counted = True
        parsed = ShardAddress.parse(self.address)
        if parsed is not None and totals.done > totals.reported_done:
            self._report(parsed.model, self._clock())

    def _report(self, model: str, now: int) -> None:
        totals = self._totals
        self._count_time(now)
        totals.reported_done, totals.reported_at_ms = totals.done, now
        self.effects.send("pointsman", "router", model, REPORT, totals.SerializeToString())

    def close(self) -> None:
        """Write the state that changed; where more waits, the router learns at once what is done."""
        if self._pressing and self._totals.done > self._totals.reported_done:
            self._report(self._pressing, self._clock())
        self._count_time(self._clock())
        if self._is_handle_new:
            self.effects.set_state("handle", HANDLE, self._handle.SerializeToString())
        if self._is_counted:
            self.effects.set_state("totals", REPORT, self._totals.SerializeToString())

    def _count_time(self, now: int) -> None:
        """Count what the call has taken since this was last done."""
        self._totals.busy_ms += max(0, now - self._counted_ms)
        self._counted_ms = now


def _expired(one: Work, now: int) -> Failure | None:
    """Return the failure of a task whose deadline has passed."""
    if not 0 < one.task.deadline_ms <= now:
        return None
    return Failure(DEADLINE_EXCEEDED, f"the deadline passed {now - one.task.deadline_ms} ms ago")


def _left(kept: Sequence[tuple[int, Work]], now: int) -> list[int]:
    """Return the milliseconds that each task has, 0 where it has no deadline."""
    return [max(0, one.task.deadline_ms - now) for _, one in kept]


def _without(
    places: Set[int], items: Sequence[Item], kept: Sequence[tuple[int, Work]]
) -> tuple[list[Item], list[tuple[int, Work]]]:
    """Return items and tasks without those at some places."""
    left = [place for place in range(len(items)) if place not in places]
    return [items[place] for place in left], [kept[place] for place in left]


def _sorted(
    kept: Sequence[tuple[int, Work]], results: Sequence[Result]
) -> tuple[tuple[list[tuple[int, Work]], list[Result]], list[int]]:
    """Return tasks with their results, and the indexes of those that are to be brought again."""
    run: tuple[list[tuple[int, Work]], list[Result]] = ([], [])
    unrun = []
    for pair, result in zip(kept, results, strict=True):
        if result is UNRUN and pair[1].task.attempt < ATTEMPTS:
            unrun.append(pair[0])
        else:
            run[0].append(pair)
            run[1].append(result)
    return run, unrun
