"""A pod that does not hold a version yet keeps its tasks waiting: another pod may serve them."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core.tensor import Item
from pointsman.errors import DEADLINE_EXCEEDED, UNAVAILABLE, Failure
from pointsman.pb.v1 import serving_pb2
from pointsman.runtimes.base import UNRUN, Key
from pointsman.runtimes.host import Ran
from pointsman.statefun.model_fn import ATTEMPTS
from pointsman.statefun.protocol import TASKS
from pointsman.testing.engine import Reply
from pointsman.topics import RESPONSES
from tests.protocol.world import Doubling, Shard, asked, error_of, output, task_batch


class Loading(Doubling):
    """Holds nothing until it is told to."""

    is_here = False

    async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Run the items if the version is here."""
        if self.is_here:
            return await super().run(key, items)
        absent = Failure(UNAVAILABLE, "not loaded in this pod yet")
        return Ran([absent] * len(items), 0, 0, is_absent=True)


def waiting(reply: Reply) -> list[tuple[str, bytes]]:
    """Return the batches that the shard sent to itself."""
    back = [sent for sent in reply.sent if sent.typename == TASKS]
    assert all(sent.target == "models/default/digits~1~0" for sent in back)
    return [(sent.typename, sent.value) for sent in back]


def test_tasks_wait_for_their_version_and_are_answered_once_it_is_there() -> None:
    runner = Loading()
    shard = Shard(runner)
    batches = [(TASKS, task_batch(asked("a"), asked("b"))), (TASKS, task_batch(asked("c"), epoch=9))]
    reply = shard.call(*batches)
    assert (reply.records, shard.totals.done) == ([], 0)
    back = waiting(reply)
    tasks = [task for _, value in back for task in serving_pb2.TaskBatch.FromString(value).tasks]
    assert [task.id for task in tasks] == ["t0", "t1", "t0"]
    runner.is_here = True
    answers = shard.call(*back).to(RESPONSES)
    assert [output(record) for record in answers] == [[2.0, 2.0]] * 3
    assert shard.totals.done == 3


def test_a_version_that_never_comes_is_said_to_be_unavailable_in_the_end() -> None:
    shard = Shard(Loading())
    messages = [(TASKS, task_batch(asked("a")))]
    for _ in range(ATTEMPTS):
        reply = shard.call(*messages)
        assert reply.records == []
        messages = waiting(reply)
    (answer,) = shard.call(*messages).to(RESPONSES)
    assert (error_of(answer)["code"], error_of(answer)["retryable"]) == (UNAVAILABLE, True)
    assert shard.totals.done == 1


def test_a_deadline_ends_the_waiting() -> None:
    shard = Shard(Loading())
    messages = waiting(shard.call((TASKS, task_batch(asked("a"), deadline_ms=shard.now + 100))))
    shard.now += 100
    (answer,) = shard.call(*messages).to(RESPONSES)
    assert error_of(answer)["code"] == DEADLINE_EXCEEDED


class Dying(Doubling):
    """Its process ends again and again; a call gets no further than two items."""

    async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Run two of the items."""
        ran = await super().run(key, items)
        ran.results[2:] = [UNRUN] * len(ran.results[2:])
        return ran


def test_what_a_death_left_undone_is_brought_again_and_answered_once() -> None:
    shard = Shard(Dying())
    messages = [(TASKS, task_batch(*[asked() for _ in range(5)])), (TASKS, task_batch(asked(), epoch=9))]
    answered: list[str] = []
    while messages:
        reply = shard.call(*messages)
        assert len(reply.to(RESPONSES)) <= 2
        assert not any(error_of(record) for record in reply.to(RESPONSES))
        answered += [record.key for record in reply.to(RESPONSES)]
        messages = waiting(reply)
    assert sorted(answered) == ["k0", "k0", "k1", "k2", "k3", "k4"]
    assert (shard.totals.done, shard.totals.failed) == (6, 0)


def test_who_was_brought_again_too_often_is_told_to_try_later() -> None:
    class Dead(Doubling):
        async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
            return Ran([UNRUN] * len(items), 0, 0)

    shard = Shard(Dead())
    messages = [(TASKS, task_batch(asked("a")))]
    for _ in range(ATTEMPTS):
        messages = waiting(shard.call(*messages))
    (answer,) = shard.call(*messages).to(RESPONSES)
    assert (error_of(answer)["code"], error_of(answer)["retryable"]) == (UNAVAILABLE, True)
