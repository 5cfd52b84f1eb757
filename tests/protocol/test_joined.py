"""Neighbouring messages of one kind are one message to a function."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.statefun.protocol import JOINED_BYTES, TASKS, Invocation, joined
from pointsman.testing.engine import batch, ingress
from pointsman.topics import RESPONSES
from pointsman.wire.task import joining_head
from tests.protocol.world import Shard, asked_json, task_batch

RUN, OTHER = "a/run", "an/other"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=20))
def test_nothing_is_lost_and_the_order_is_kept(pattern: list[tuple[bool, int]]) -> None:
    offset = 0
    messages = []
    for is_run, count in pattern:
        records = [ingress(b"x", offset=offset + index) for index in range(count)]
        offset += count
        messages.append(Invocation(RUN, batch(*records)) if is_run else Invocation(OTHER, b"%d" % offset))
    out = list(joined(messages, RUN))
    assert [m for m in out if m.typename == OTHER] == [m for m in messages if m.typename == OTHER]
    assert all(not (a.typename == b.typename == RUN) for a, b in pairwise(out))
    offsets = [
        record.offset
        for message in out
        if message.typename == RUN
        for record in ingress_pb2.IngressBatch.FromString(message.value).records
    ]
    asked = [
        record.offset
        for message in messages
        if message.typename == RUN
        for record in ingress_pb2.IngressBatch.FromString(message.value).records
    ]
    assert offsets == asked


def test_task_batches_of_different_epochs_stay_apart() -> None:
    def tasks(epoch: int, *ids: str) -> Invocation:
        made = serving_pb2.TaskBatch(model="m", epoch=epoch, tasks=[serving_pb2.Task(id=one) for one in ids])
        return Invocation(RUN, made.SerializeToString())

    messages = [tasks(1, "a"), tasks(1, "b"), tasks(2, "c"), tasks(1, "d")]
    out = [serving_pb2.TaskBatch.FromString(m.value) for m in joined(messages, RUN, joining_head)]
    assert [(one.epoch, [task.id for task in one.tasks]) for one in out] == [
        (1, ["a", "b"]),
        (2, ["c"]),
        (1, ["d"]),
    ]


def test_a_large_backlog_is_joined_in_pieces() -> None:
    value = batch(ingress(b"x" * (1 << 20)))
    out = list(joined([Invocation(RUN, value)] * 20, RUN))
    assert len(out) > 1
    assert all(len(message.value) <= JOINED_BYTES for message in out)
    assert sum(len(message.value) for message in out) == 20 * len(value)


def test_batches_with_features_stay_apart_for_they_would_double() -> None:
    made = serving_pb2.TaskBatch(model="m", features=["a", "b"], tasks=[serving_pb2.Task(id="x")])
    messages = [Invocation(RUN, made.SerializeToString())] * 3
    out = [serving_pb2.TaskBatch.FromString(m.value) for m in joined(messages, RUN, joining_head)]
    assert [list(one.features) for one in out] == [["a", "b"]] * 3


def test_flat_records_in_several_messages_of_one_call_are_each_answered() -> None:
    batches = [task_batch(asked_json({"a": n, "b": 1}), features=["a", "b"]) for n in range(4)]
    reply = Shard().call(*[(TASKS, one) for one in batches])
    answers = [json.loads(record.value) for record in reply.to(RESPONSES)]
    assert [answer["outputs"][0]["data"] for answer in answers] == [[2.0 * n, 2.0] for n in range(4)]
