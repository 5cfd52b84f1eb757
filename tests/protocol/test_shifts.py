"""A shift of the traffic takes hold of what waits, not only of what comes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pointsman.core.tensor import Item
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.pb.v1.inference_pb2 import LANE_INTERACTIVE
from pointsman.pb.v1.routing_pb2 import READY
from pointsman.runtimes.base import Key
from pointsman.runtimes.host import Ran
from pointsman.statefun.dispatch import Dispatch
from pointsman.statefun.protocol import CONTROL, MOVED, REQUESTS, TASKS
from pointsman.statefun.turns import FIRST
from pointsman.testing.engine import Reply, batch
from pointsman.topics import RESPONSES
from pointsman.wire.task import MAX_BATCH_BYTES
from tests.protocol.world import MODEL, Doubling, Router, Shard, asked, control, response, task_batch


def sent_back(reply: Reply) -> list[ingress_pb2.Ingress]:
    """Return the records that the router is to decide anew."""
    found: list[ingress_pb2.Ingress] = []
    for sent in reply.sent:
        if sent.typename == MOVED:
            assert sent.target == "pointsman/router/digits"
            found += ingress_pb2.IngressBatch.FromString(sent.value).records
    return found


def drawn_of(reply: Reply) -> dict[str, bool]:
    """Return for each task whether the split chose its version."""
    batches = [serving_pb2.TaskBatch.FromString(s.value) for s in reply.sent if s.typename == TASKS]
    return {task.id: task.drawn for one in batches for task in one.tasks}


def test_a_command_is_obeyed_before_the_requests_of_its_call() -> None:
    router = Router().serving()
    shift = control({"model": "digits", "split": {"1": 0, "2": 1}}, offset=1)
    reply = router.call((REQUESTS, batch(*[asked(f"r{n}") for n in range(50)])), (CONTROL, batch(shift)))
    (tasks,) = [serving_pb2.TaskBatch.FromString(s.value) for s in reply.sent if s.typename == TASKS]
    assert (tasks.version, len(tasks.tasks), tasks.epoch) == ("2", 50, router.table.epoch)


def test_a_task_says_whether_the_split_chose_its_version() -> None:
    router = Router().serving()
    reply = router.ask(asked("by-split"), asked("by-hand", version="1"))
    assert drawn_of(reply) == {"by-split": True, "by-hand": False}


def test_a_version_that_keeps_order_keeps_its_tasks() -> None:
    ordered = {"uri": "python:a:One", "ordered": True}
    router = Router().serving({**MODEL, "versions": {"1": ordered}, "route": {"split": {"1": 1}}})
    assert drawn_of(router.ask(asked("r"))) == {"r": False}


def test_what_the_split_chose_before_a_shift_goes_back_and_the_rest_is_served() -> None:
    shard = Shard()
    shard.moved_epoch = 8
    records = [asked(f"r{n}") for n in range(4)]
    reply = shard.call((TASKS, task_batch(*records, drawn=[0, 2])))
    assert sent_back(reply) == [records[0], records[2]]
    assert [record.key for record in reply.to(RESPONSES)] == ["k1", "k3"]
    assert (shard.totals.done, shard.totals.failed) == (4, 0)


def test_a_whole_batch_may_go_back() -> None:
    shard = Shard()
    shard.moved_epoch = 8
    reply = shard.call((TASKS, task_batch(asked("a"), asked("b"), drawn=[0, 1])))
    assert len(sent_back(reply)) == 2
    assert reply.to(RESPONSES) == []
    assert shard.runner.batches == []
    assert shard.totals.done == 2


def test_what_was_decided_after_the_shift_stays() -> None:
    shard = Shard()
    shard.moved_epoch = 7
    reply = shard.call((TASKS, task_batch(asked("a"), drawn=[0])))
    assert sent_back(reply) == []
    assert len(reply.to(RESPONSES)) == 1


class Shifting(Doubling):
    """The traffic is shifted while it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.shard: Shard | None = None

    async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Compute, and learn of a shift meanwhile."""
        assert self.shard is not None
        self.shard.moved_epoch = 8
        return await super().run(key, items)


def test_a_shift_ends_the_call_of_a_long_batch_and_nothing_is_answered_twice() -> None:
    runner = Shifting()
    shard = runner.shard = Shard(runner)
    count = FIRST + 10
    records = [asked(f"r{n}") for n in range(count)]
    reply = shard.call((TASKS, task_batch(*records, drawn=range(count))))
    assert len(reply.to(RESPONSES)) == FIRST
    again = shard.call(*[(sent.typename, sent.value) for sent in reply.sent if sent.typename == TASKS])
    assert again.to(RESPONSES) == []
    assert sent_back(again) == records[FIRST:]
    assert shard.totals.done == count


def test_requests_that_come_back_are_decided_under_the_new_epoch() -> None:
    router = Router().serving()
    old = router.table.epoch
    router.obey({"model": "digits", "split": {"1": 0, "2": 1}}, offset=1)
    router.hear({"1": READY, "2": READY})
    shard = Shard()
    shard.moved_epoch = router.table.epoch
    back = shard.call((TASKS, task_batch(asked("r"), drawn=[0], epoch=old)))
    (again,) = [(sent.typename, sent.value) for sent in back.sent if sent.typename == MOVED]
    (tasks,) = [s for s in router.call(again).sent if s.typename == TASKS]
    message = serving_pb2.TaskBatch.FromString(tasks.value)
    assert (message.version, message.epoch, message.tasks[0].id) == ("2", router.table.epoch, "r")


def test_a_version_that_keeps_order_goes_on_with_an_old_batch_before_a_new_one() -> None:
    runner = Shifting()
    shard = runner.shard = Shard(runner)
    old = task_batch(*[asked(f"old{n}") for n in range(FIRST + 10)])
    new = task_batch(asked("new"), epoch=9)
    reply = shard.call((TASKS, old), (TASKS, new))
    assert [sent for sent in reply.sent if sent.typename in (TASKS, MOVED)] == []
    assert [record.key for record in reply.to(RESPONSES)] == [f"k{n}" for n in range(FIRST + 10)] + ["k0"]


def test_somebody_who_waits_is_not_refused_because_the_traffic_was_shifted() -> None:
    router = Router().serving({**MODEL, "limits": {"max_inflight": 10}})
    waiting = [asked(f"r{n}", lane=LANE_INTERACTIVE) for n in range(10)]
    shards = [(s.typename, s.value) for s in router.ask(*waiting).sent if s.typename == TASKS]
    router.obey({"model": "digits", "split": {"1": 0, "2": 1}}, offset=1)
    shard = Shard()
    shard.moved_epoch = router.table.epoch
    back = [(s.typename, s.value) for s in shard.call(*shards).sent if s.typename == MOVED]
    reply = router.call(*back)
    assert reply.to(RESPONSES) == []
    assert sorted(drawn_of(reply)) == sorted(f"r{n}" for n in range(10))


def test_what_goes_back_is_decided_before_what_comes_after_it() -> None:
    router = Router().serving(
        {**MODEL, "versions": {"1": {"uri": "python:a:One"}}, "route": {"split": {"1": 1}}}
    )
    moved, fresh = batch(asked("older")), batch(asked("newer"))
    assert list(drawn_of(router.call((REQUESTS, fresh), (MOVED, moved)))) == ["older", "newer"]


def test_large_records_go_back_in_messages_of_the_usual_size() -> None:
    shard = Shard()
    shard.moved_epoch = 8
    large = [asked(f"r{n}", context=b"x" * 200_000) for n in range(12)]
    reply = shard.call((TASKS, task_batch(*large, drawn=range(12))))
    assert sent_back(reply) == large
    sizes = [len(sent.value) for sent in reply.sent if sent.typename == MOVED]
    assert len(sizes) > 1
    assert max(sizes) < MAX_BATCH_BYTES + 300_000


def test_a_record_that_breaks_the_router_on_its_way_back_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router().serving()

    def broken(*_: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(Dispatch, "_verdict", broken)
    reply = router.call((MOVED, batch(asked("r"))))
    assert [response(record).id for record in reply.to(RESPONSES)] == ["r"]
