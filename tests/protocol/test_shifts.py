"""A shift of the traffic takes hold of what waits, not only of what comes."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core.tensor import Item
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.pb.v1.routing_pb2 import READY
from pointsman.runtimes.base import Key
from pointsman.runtimes.host import Ran
from pointsman.statefun.pace import FIRST
from pointsman.statefun.protocol import CONTROL, REQUESTS, TASKS
from pointsman.testing.engine import Reply, batch
from pointsman.topics import RESPONSES
from tests.protocol.world import MODEL, Doubling, Router, Shard, asked, control, task_batch


def sent_back(reply: Reply) -> list[ingress_pb2.Ingress]:
    """Return the records that the router is to decide anew."""
    found: list[ingress_pb2.Ingress] = []
    for sent in reply.sent:
        if sent.typename == REQUESTS:
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

    async def run(self, key: Key, items: Sequence[Item]) -> Ran:
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
    (again,) = [(sent.typename, sent.value) for sent in back.sent if sent.typename == REQUESTS]
    (tasks,) = [s for s in router.call(again).sent if s.typename == TASKS]
    message = serving_pb2.TaskBatch.FromString(tasks.value)
    assert (message.version, message.epoch, message.tasks[0].id) == ("2", router.table.epoch, "r")
