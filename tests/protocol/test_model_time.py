"""A call ends in time: what it cannot do goes back to the shard's queue."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core.tensor import Item
from pointsman.pb.v1 import serving_pb2
from pointsman.runtimes.base import Key
from pointsman.runtimes.host import Ran
from pointsman.statefun.protocol import REPORT, TASKS
from pointsman.statefun.turns import CALL_MS, FIRST, LONG_TURN_MS, TURN_MS, WHOLE, Turns
from pointsman.topics import RESPONSES
from tests.protocol.world import Doubling, Shard, asked, task_batch

KEY = Key("m", "1", 1)


class Slow(Doubling):
    """Takes its time for each item, on the shard's own clock."""

    def __init__(self, ms_per_item: int) -> None:
        super().__init__()
        self.shard: Shard | None = None
        self.ms_per_item = ms_per_item

    async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Let the clock run."""
        assert self.shard is not None
        self.shard.now += self.ms_per_item * len(items)
        return await super().run(key, items)


def slow_shard(ms_per_item: int) -> Shard:
    runner = Slow(ms_per_item)
    runner.shard = Shard(runner)
    return runner.shard


def test_a_call_that_takes_too_long_sends_the_rest_back_and_every_task_is_answered_once() -> None:
    shard = slow_shard(1_000)
    waiting = [(TASKS, task_batch(*[asked(f"r{n}") for n in range(100)]))]
    answered: list[str] = []
    calls = 0
    while waiting:
        before = shard.now
        reply = shard.call(*waiting)
        assert shard.now - before <= CALL_MS + FIRST * 1_000
        answered += [record.key for record in reply.to(RESPONSES)]
        waiting = [(sent.typename, sent.value) for sent in reply.sent if sent.typename == TASKS]
        assert all(
            sent.target == "models/default/digits~1~0" for sent in reply.sent if sent.typename == TASKS
        )
        calls += 1
    assert calls > 3
    assert sorted(answered) == sorted(f"k{n}" for n in range(100))
    assert shard.totals.done == 100


def test_what_is_sent_back_keeps_its_batch_and_its_order() -> None:
    shard = slow_shard(1_000)
    reply = shard.serve(*[asked(f"r{n}") for n in range(100)], epoch=9)
    (back,) = [serving_pb2.TaskBatch.FromString(sent.value) for sent in reply.sent if sent.typename == TASKS]
    assert (back.epoch, back.generation, back.output) == (9, 5, "pointsman.responses")
    assert [task.id for task in back.tasks] == [f"t{n}" for n in range(100 - len(back.tasks), 100)]


def test_a_batch_behind_a_late_one_goes_back_whole() -> None:
    shard = slow_shard(1_000)
    late = task_batch(*[asked() for _ in range(FIRST)])
    other = task_batch(asked(), epoch=8)
    reply = shard.call((TASKS, late), (TASKS, other))
    assert [sent.value for sent in reply.sent if sent.typename == TASKS] == [other]


def test_a_fast_version_is_served_in_one_turn_once_it_is_known() -> None:
    turns = Turns()
    assert turns.share(KEY, 1_000) == FIRST
    turns.took(KEY, FIRST, 0)
    assert turns.share(KEY, 1_000) == 1_000


def test_a_turn_of_a_slow_version_is_as_long_as_meant() -> None:
    turns = Turns()
    turns.took(KEY, 10, 1)
    assert turns.share(KEY, 100_000) == TURN_MS * 10
    turns.took(KEY, 10, 30)
    assert turns.share(KEY, 1_000) == WHOLE  # no less than a micro-batch
    turns.took(KEY, 10, 1_000)
    assert turns.share(KEY, 1_000) == LONG_TURN_MS // 100
    turns.took(KEY, 1, 60_000)
    assert turns.share(KEY, 1_000) == 1


def test_a_report_tells_what_the_calls_took_and_not_the_time_between() -> None:
    shard = slow_shard(10)
    told: list[serving_pb2.BatchReport] = []
    for _ in range(3):
        reply = shard.serve(*[asked() for _ in range(4)], pressed=True)
        shard.now += 60_000
        sent = [message.value for message in reply.sent if message.typename == REPORT]
        told += map(serving_pb2.BatchReport.FromString, sent)
    assert [report.busy_ms for report in told] == [40, 80, 120]
    assert shard.totals.busy_ms == 120
