"""Readings of what waits: one at a time, and made again where nobody answers."""

from __future__ import annotations

import pytest

from pointsman.pb.v1 import serving_pb2
from pointsman.statefun.backlog import OVERDUE_MS
from pointsman.statefun.protocol import READING, REPORT
from tests.protocol.waiting import ONE, fed, reading, records, report, span
from tests.protocol.world import Router, taken

pytestmark = pytest.mark.usefixtures("little_room")


def test_a_reading_that_nobody_answers_is_asked_for_anew() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(10)))
    lost = reading(router.call(report(router, 4)))
    router.now += OVERDUE_MS - 1
    assert all(sent.typename != READING for sent in router.call(report(router, 4)).sent)
    router.now += 1
    again = reading(router.call(report(router, 4)))
    assert (again.stretch.start, again.stretch.ticket) == (4, lost.stretch.ticket + 1)
    assert taken(router.call(fed(again, *records(4, 5), upto=6))) == ["o4", "o5"]


def test_a_late_answer_is_taken_and_its_twin_is_not() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(10)))
    late = reading(router.call(report(router, 4)))
    router.now += OVERDUE_MS
    twin = reading(router.call(report(router, 4)))
    assert taken(router.call(fed(late, *records(4, 5), upto=6))) == ["o4", "o5"]
    assert taken(router.call(fed(twin, *records(4, 5, 6), upto=7))) == []
    assert span(router) == [(6, 10)]


def test_a_reading_that_found_nothing_yet_is_asked_for_again() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(10)))
    first = reading(router.call(report(router, 4)))
    again = reading(router.call(fed(first, upto=4)))
    assert (again.stretch.start, span(router)) == (4, [(4, 10)])
    assert taken(router.call(fed(again, *records(4), upto=5))) == ["o4"]


def test_the_bound_follows_all_shards_also_where_their_reports_come_in_one_call() -> None:
    version = {"uri": "python:a:One", "concurrency": 1}
    both = {"versions": {"1": version, "2": version}, "route": {"split": {"1": 1, "2": 1}}}
    router = Router().serving({"model": "digits", **both})
    router.ask(*records(*range(10_000)))
    for _ in range(60):  # each shard does what it has, 10 ms a request
        router.now += 10 * max(one.sent - one.done for one in router.arms.shards)
        reply = router.call(*((REPORT, all_done(one).SerializeToString()) for one in router.arms.shards))
        while asked_for := [sent for sent in reply.sent if sent.typename == READING]:
            wanted = serving_pb2.Reading.FromString(asked_for[0].value)
            upto = wanted.stretch.start + wanted.records
            reply = router.call(fed(wanted, *records(*range(wanted.stretch.start, upto)), upto=upto))
    assert 50 <= router.arms.pace.limit <= 70  # 200 a second for 0.3 s


def all_done(totals: serving_pb2.ShardTotals) -> serving_pb2.BatchReport:
    """Return the report of a shard that worked off what it had, 10 ms a request."""
    return serving_pb2.BatchReport(
        version=totals.version,
        generation=totals.generation,
        shard=totals.shard,
        done=totals.sent,
        done_bytes=totals.sent_bytes,
        messages=totals.sent_messages,
        busy_ms=10 * totals.sent,
    )


def test_an_answer_to_an_older_reading_counts_for_nothing() -> None:
    router = Router().serving(ONE)
    router.ask(*records(*range(10)))
    old = reading(router.call(report(router, 4)))
    router.call(fed(old, *records(4, 5), upto=6))
    before = span(router)
    reply = router.call(fed(old, *records(4, 5), upto=6))
    assert (taken(reply), span(router)) == ([], before)
