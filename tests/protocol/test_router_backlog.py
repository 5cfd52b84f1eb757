"""What a model's shards have no room for waits in its topic, in order, and nobody else waits for it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pointsman.core import pace
from pointsman.core.ids import INTERACTIVE_SHARD
from pointsman.errors import DEADLINE_EXCEEDED, NOT_FOUND
from pointsman.pb.v1 import serving_pb2
from pointsman.pb.v1.routing_pb2 import LOADING, READY
from pointsman.statefun.dispatch import Dispatch
from pointsman.statefun.protocol import FED, INTERACTIVE, MOVED, READING, REPORT, REQUESTS, TASKS
from pointsman.testing.engine import batch, ingress
from pointsman.testing.job import Job
from pointsman.topics import INTERACTIVE as INTERACTIVE_TOPIC
from pointsman.topics import REQUESTS as REQUESTS_TOPIC
from pointsman.topics import RESPONSES
from pointsman.wire.state import table_from_bytes
from tests.protocol.waiting import LIMIT, ONE, fed, reading, records, report, span
from tests.protocol.world import (
    Router,
    Shard,
    asked,
    control,
    error_of,
    job,
    request,
    response,
    said,
    taken,
    task_batch,
    tasks,
)

pytestmark = pytest.mark.usefixtures("little_room")


def test_what_has_no_room_is_neither_sent_nor_refused_but_remembered() -> None:
    router = Router().serving(ONE)
    reply = router.ask(*records(*range(10, 20)))
    assert taken(reply) == [f"o{n}" for n in range(10, 14)]
    assert reply.records == []
    assert span(router) == [(14, 20)]


def test_shards_are_told_from_the_first_batch_on_that_more_waits() -> None:
    told = []
    for count in (LIMIT, LIMIT + 1):
        sent = Router().serving(ONE).ask(*records(*range(count))).sent
        told += [serving_pb2.TaskBatch.FromString(one.value).pressed for one in sent if one.typename == TASKS]
    assert told == [False, True]


def test_what_comes_later_waits_behind_it_though_there_is_room() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(6)))
    reply = router.call(report(router, 4), (REQUESTS, batch(*records(6, 7))))
    assert taken(reply) == []
    assert span(router) == [(4, 8)]
    assert (reading(reply).stretch.start, reading(reply).records) == (4, LIMIT)


def test_what_waits_is_read_again_and_served_in_its_order() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(10)))
    reply = router.call(report(router, 4))
    reply = router.call(fed(reading(reply), *records(4, 5, 6, 7), upto=8))
    assert taken(reply) == ["o4", "o5", "o6", "o7"]
    assert span(router) == [(8, 10)]
    reply = router.call(report(router, 8))
    reply = router.call(fed(reading(reply), *records(8, 9)), (REQUESTS, batch(*records(10))))
    assert taken(reply) == ["o8", "o9", "o10"]
    assert span(router) == []


def test_more_than_there_is_room_for_is_left_where_it_is() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(10)))
    asked_for = reading(router.call(report(router, 2)))
    reply = router.call(fed(asked_for, *records(4, 5, 6, 7), upto=8))
    assert taken(reply) == ["o4", "o5"]
    assert span(router) == [(6, 10)]


def test_each_partition_waits_for_itself() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(6)))
    elsewhere = [ingress(request(f"p{n}"), key=b"digits", partition=1, offset=n) for n in range(3)]
    reply = router.call((REQUESTS, batch(*elsewhere)), report(router, 4))
    assert taken(reply) == ["p0", "p1", "p2"]
    assert [(stretch.partition, stretch.start) for stretch in router.arms.backlog] == [(0, 4)]


def test_a_topic_that_was_made_anew_does_not_wait_behind_its_former_self() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(100, 106)))
    reply = router.call(report(router, 4), (REQUESTS, batch(*records(0, 1))))
    assert taken(reply) == ["o0", "o1"]


def test_who_is_waited_for_passes_by() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(10)))
    reply = router.call((INTERACTIVE, batch(ingress(request("now"), key=b"digits", topic=INTERACTIVE_TOPIC))))
    assert tasks(reply.sent) == {f"models/default/digits~1~{INTERACTIVE_SHARD}": ["now"]}
    assert span(router) == [(4, 10)]


def test_what_a_shift_sent_back_is_not_held_up() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(10)))
    assert taken(router.call((MOVED, batch(*records(1))))) == ["o1"]


def test_tasks_say_that_more_waits() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(10)))
    reply = router.call(report(router, 4))
    (sent,) = [s for s in router.call(fed(reading(reply), *records(4))).sent if s.typename == TASKS]
    assert serving_pb2.TaskBatch.FromString(sent.value).pressed


def test_a_shard_that_is_pressed_reports_at_the_end_of_each_call() -> None:
    shard = Shard()
    assert [s.typename for s in shard.serve(asked("r"), pressed=True).sent] == [REPORT]
    shard.now += 1
    assert REPORT in [s.typename for s in shard.serve(asked("r"), pressed=True).sent]
    shard.now += 1
    assert REPORT not in [s.typename for s in shard.serve(asked("r")).sent]


def test_a_shard_counts_the_messages_of_its_router() -> None:
    shard = Shard()
    shard.call((TASKS, task_batch(asked("a"))), (TASKS, task_batch(asked("b"))))
    assert shard.totals.messages == 2


def test_a_shard_with_many_messages_is_sent_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST_MESSAGES", 2)
    router = Router().serving(ONE)
    for offset in range(3):
        reply = router.ask(*records(offset))
    assert (taken(reply), span(router)) == ([], [(2, 3)])


def test_bytes_are_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST_BYTES", 1)
    router = Router().serving(ONE)
    assert taken(router.ask(*records(0, 1))) == ["o0"]


def test_the_old_among_what_waits_get_their_answer_without_a_forward_pass() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(4)), *records(*range(4, 8), timeout_ms=1_000))
    asked_for = reading(router.call(report(router, 1)))
    router.now += 2_000
    reply = router.call(fed(asked_for, *records(*range(4, 8), timeout_ms=1_000)))
    assert [error_of(record)["code"] for record in reply.to(RESPONSES)] == [DEADLINE_EXCEEDED] * 4
    assert (taken(reply), span(router)) == ([], [])


def test_requests_wait_in_their_topic_for_the_first_version() -> None:
    router = Router()
    router.obey(ONE)
    router.hear({"1": LOADING})
    reply = router.ask(*records(*range(6)))
    assert (taken(reply), reply.records, span(router)) == ([], [], [(0, 6)])
    delays = []
    for _ in range(6):
        (sent,) = [sent for sent in reply.sent if sent.typename == READING]
        delays.append(sent.delay_ms)
        reply = router.call(fed(reading(reply), *records(*range(6))))
    assert delays == [250, 500, 1_000, 2_000, 2_000, 2_000]


def test_the_old_get_their_answer_while_no_version_is_ready() -> None:
    router = Router()
    router.obey(ONE)
    reply = router.ask(*records(0, timeout_ms=100), *records(1, 2))
    router.now += 250
    reply = router.call(fed(reading(reply), *records(0, timeout_ms=100), *records(1, 2)))
    assert [response(record).id for record in reply.to(RESPONSES)] == ["o0"]
    assert span(router) == [(1, 3)]


def test_a_version_that_becomes_ready_is_given_what_waits_at_once() -> None:
    router = Router()
    router.obey(ONE)
    late = reading(router.ask(*records(0, 1)))
    reply = router.hear({"1": READY})
    (sent,) = [sent for sent in reply.sent if sent.typename == READING]
    assert sent.delay_ms == 0
    assert taken(router.call(fed(reading(reply), *records(0, 1)))) == ["o0", "o1"]
    assert taken(router.call(fed(late, *records(0, 1)))) == []


def test_what_waits_learns_that_its_model_went_away() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(6)))
    gone = router.obey({"model": "digits", "versions": {}}, offset=9)
    gone = router.call(report(router, 4)) if "1" in router.table.versions else gone
    reply = router.call(fed(reading(gone), *records(4, 5)))
    codes = [error_of(record)["code"] for record in reply.to(RESPONSES)]
    assert (codes, span(router)) == ([NOT_FOUND] * 2, [])


def test_offsets_that_are_gone_are_told(caplog: pytest.LogCaptureFixture) -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(8)))
    asked_for = reading(router.call(report(router, 4)))
    answer = serving_pb2.Fed(stretch=asked_for.stretch, next=8, batch=batch(*records(7)), lost=3)
    with caplog.at_level(logging.ERROR):
        reply = router.call((FED, answer.SerializeToString()))
    assert taken(reply) == ["o7"]
    assert "3 offsets of pointsman.requests-0 are gone" in caplog.text


def test_one_that_breaks_the_router_is_answered_and_its_neighbours_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(8)))
    asked_for = reading(router.call(report(router, 4)))
    healthy = Dispatch._verdict

    def verdict(self: Dispatch, one: Any, *more: Any) -> Any:
        if one.id == "o5":
            raise RuntimeError("a bug")
        return healthy(self, one, *more)

    monkeypatch.setattr(Dispatch, "_verdict", verdict)
    reply = router.call(fed(asked_for, *records(4, 5, 6, 7)))
    assert sorted(taken(reply)) == ["o4", "o6", "o7"]
    assert [response(record).id for record in reply.to(RESPONSES)] == ["o5"]
    assert span(router) == []


def make_ready(flood: Job) -> None:
    """Let a pod say that it has the version."""
    value = flood.address("pointsman/router/digits").state["table"][1]
    assert value is not None
    flood.ingest(said(table_from_bytes(value), {"1": READY}, at_ms=flood.now_ms))


def test_a_flood_is_answered_in_its_order_and_nobody_is_refused() -> None:
    flood = job()
    flood.ingest(control(ONE))
    flood.settle()
    make_ready(flood)
    for start in range(0, 100, 25):
        flood.ingest(*records(*range(start, start + 25)))
    flood.settle()
    flood.advance(5_000)
    answers = [response(record) for record in flood.records if record.topic == RESPONSES]
    assert [answer.id for answer in answers] == [f"o{n}" for n in range(100)]
    assert not any(answer.HasField("error") for answer in answers)


def test_a_keyless_flood_waits_too_and_each_record_is_answered_once() -> None:
    flood = job()
    flood.ingest(control(ONE))
    flood.settle()
    keyless = [ingress(request(f"o{n}", model="digits"), key=b"", offset=2 * n) for n in range(30)]
    keyed = [ingress(request(f"k{n}"), key=b"digits", offset=2 * n + 1) for n in range(30)]
    for pair in zip(keyless, keyed, strict=True):
        flood.ingest(*pair)
    flood.settle()
    make_ready(flood)
    flood.advance(10_000)
    answers = [response(record).id for record in flood.records if record.topic == RESPONSES]
    assert sorted(answers) == sorted([f"o{n}" for n in range(30)] + [f"k{n}" for n in range(30)])


def test_repeats_among_what_waits_are_dropped_too() -> None:
    flood = job(deduplicate=(REQUESTS_TOPIC,))
    flood.ingest(control(ONE))
    flood.settle()
    twice = [ingress(request(f"o{n % 30}"), key=b"digits", offset=n) for n in range(60)]
    flood.ingest(*twice[:20])
    make_ready(flood)
    flood.ingest(*twice[20:])
    flood.advance(10_000)
    answers = [response(record).id for record in flood.records if record.topic == RESPONSES]
    assert sorted(answers) == sorted(f"o{n}" for n in range(30))
