"""A shard tells its router what it has done: often enough, not too often, and never too little."""

from __future__ import annotations

from typing import Any

from pointsman.pb.v1 import serving_pb2
from pointsman.statefun.model_fn import REPORT_ITEMS, REPORT_MS
from pointsman.statefun.protocol import REPORT, TASKS, TICK
from pointsman.testing.engine import Reply, Sent
from tests.protocol.world import Shard, asked, task_batch


def reports(reply: Reply) -> list[serving_pb2.BatchReport]:
    found = [sent for sent in reply.sent if sent.typename == REPORT]
    assert {sent.target for sent in found} <= {"pointsman/router/digits"}
    return [serving_pb2.BatchReport.FromString(sent.value) for sent in found]


def ticks(reply: Reply) -> list[Sent]:
    return [sent for sent in reply.sent if sent.typename == TICK]


def started(**fields: Any) -> Shard:
    """Return a shard that has reported its first request."""
    shard = Shard()
    (first,) = reports(shard.serve(asked(), **fields))
    assert (first.version, first.generation, first.shard, first.done) == ("1", 5, 0, 1)
    return shard


def test_a_few_requests_are_reported_by_a_timer_that_is_armed_once() -> None:
    shard = started()
    reply = shard.serve(asked())
    (tick,) = ticks(reply)
    assert (tick.target, tick.delay_ms) == ("models/default/digits~1~0", REPORT_MS)
    assert reports(reply) == []
    assert ticks(shard.serve(asked())) == []
    shard.now += REPORT_MS
    (report,) = reports(shard.call((tick.typename, tick.value)))
    assert (report.done, report.failed) == (3, 0)


def test_many_requests_are_reported_at_once() -> None:
    shard = started()
    assert reports(shard.serve(*[asked()] * (REPORT_ITEMS - 1))) == []
    (report,) = reports(shard.serve(asked()))
    assert report.done == REPORT_ITEMS + 1


def test_after_a_while_the_next_request_is_reported_at_once() -> None:
    shard = started()
    shard.now += REPORT_MS
    assert [report.done for report in reports(shard.serve(asked()))] == [2]


def test_a_timer_with_nothing_to_say_is_silent() -> None:
    shard = started()
    reply = shard.call((TICK, serving_pb2.Tick().SerializeToString()))
    assert (reply.sent, reply.records) == ([], [])


def test_a_timer_may_be_armed_again_after_it_fired() -> None:
    shard = started()
    (tick,) = ticks(shard.serve(asked()))
    shard.call((tick.typename, tick.value))
    assert len(ticks(shard.serve(asked()))) == 1


def test_totals_grow_and_count_failures_rows_and_batches() -> None:
    shard = started()
    shard.serve(asked(), asked(tensors=None), asked())
    shard.call((TASKS, task_batch(asked())), (TASKS, task_batch(asked())))
    totals = shard.totals
    assert (totals.done, totals.failed, totals.rows, totals.batches) == (6, 1, 5, 3)  # two messages, one pass
    assert totals.compute_us == 33


def test_totals_begin_anew_with_a_generation() -> None:
    shard = started()
    (report,) = reports(shard.serve(asked(), asked(), generation=6))
    assert (report.generation, report.done) == (6, 2)
