"""Requests for a version that is not ready wait in durable delayed messages."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.core.table import VersionState
from pointsman.errors import DEADLINE_EXCEEDED, NOT_FOUND, UNAVAILABLE
from pointsman.pb.v1 import serving_pb2
from pointsman.pb.v1.inference_pb2 import LANE_INTERACTIVE
from pointsman.pb.v1.routing_pb2 import FAILED, LOADING, READY
from pointsman.statefun.protocol import PARKED
from pointsman.testing.engine import Reply, Sent
from pointsman.topics import DEAD_LETTERS, RESPONSES
from tests.protocol.world import MODEL, Router, asked, error_of, response, taken, tasks


def parked(reply: Reply) -> Sent:
    (sent,) = [sent for sent in reply.sent if sent.typename == PARKED]
    assert sent.target == "pointsman/router/digits"
    return sent


def applied(**settings: Any) -> Router:
    """Return a router whose versions are loading."""
    router = Router(**settings)
    router.obey(MODEL)
    router.hear({"1": LOADING, "2": LOADING})
    return router


def test_requests_without_a_ready_version_come_back_later_and_later() -> None:
    router = applied()
    reply = router.ask(asked("r1", version="1"), asked("r2", version="1"))
    assert (reply.records, tasks(reply.sent)) == ([], {})
    delays = []
    for _ in range(6):
        sent = parked(reply)
        delays.append(sent.delay_ms)
        reply = router.call((sent.typename, sent.value))
    assert delays == [250, 500, 1_000, 2_000, 2_000, 2_000]


def test_parked_requests_are_served_when_their_version_is_ready() -> None:
    router = applied()
    sent = parked(router.ask(asked("r1", version="1"), asked("r2", version="2")))
    assert (router.arms.waiting, router.arms.waiting_bytes) == (
        2,
        serving_pb2.Parked.FromString(sent.value).bytes,
    )
    router.hear({"1": READY, "2": READY})
    reply = router.call((sent.typename, sent.value))
    assert sorted(taken(reply)) == ["r1", "r2"]
    assert (router.arms.waiting, router.arms.waiting_bytes) == (0, 0)


def test_a_parked_request_keeps_its_deadline() -> None:
    router = applied()
    sent = parked(router.ask(asked("r1", version="1", timeout_ms=100), asked("r2", version="1")))
    router.now += 250
    reply = router.call((sent.typename, sent.value))
    (answer,) = reply.to(RESPONSES)
    assert (response(answer).id, error_of(answer)["code"]) == ("r1", DEADLINE_EXCEEDED)
    assert router.arms.waiting == 1
    assert serving_pb2.Parked.FromString(parked(reply).value).count == 1


def test_a_parked_request_learns_that_every_version_failed() -> None:
    router = applied()
    sent = parked(router.ask(asked("r1", version="1")))
    router.hear({"1": FAILED, "2": FAILED})
    reply = router.call((sent.typename, sent.value))
    assert error_of(reply.to(RESPONSES)[0])["code"] == UNAVAILABLE
    assert len(reply.to(DEAD_LETTERS)) == 1
    assert router.arms.waiting_bytes == 0


def test_a_parked_request_learns_that_its_model_went_away() -> None:
    router = applied()
    sent = parked(router.ask(asked("r1", version="1")))
    router.obey({"model": "digits", "versions": {}}, offset=1)
    assert router.table.versions == {}
    assert error_of(router.call((sent.typename, sent.value)).to(RESPONSES)[0])["code"] == NOT_FOUND


@pytest.mark.parametrize("less", [0, 1])
def test_what_waits_is_bounded_in_bytes(less: int) -> None:
    records = [asked(f"r{n}", version="1") for n in range(3)]
    router = applied(waiting_bytes=sum(record.ByteSize() for record in records) - less)
    reply = router.ask(*records)
    assert [response(record).id for record in reply.to(RESPONSES)] == ["r2"] * less
    assert len(reply.to(DEAD_LETTERS)) == less
    if less:
        error = error_of(reply.to(RESPONSES)[0])
        assert (error["code"], error["retryable"]) == (UNAVAILABLE, True)
    assert router.arms.waiting == 3 - less


def test_what_waits_for_long_does_not_use_up_the_bound() -> None:
    record = asked("r1", version="1")
    router = applied(waiting_bytes=record.ByteSize())
    reply = router.ask(record)
    for _ in range(3):
        sent = parked(reply)
        reply = router.call((sent.typename, sent.value))
        assert reply.records == []


def test_who_waits_interactively_gets_no_dead_letter_beyond_the_bound() -> None:
    reply = applied(waiting_bytes=1).ask(asked("r1", version="1", lane=LANE_INTERACTIVE))
    assert error_of(reply.to(RESPONSES)[0])["code"] == UNAVAILABLE
    assert reply.to(DEAD_LETTERS) == []


def test_an_unreachable_version_makes_its_requests_wait() -> None:
    router = Router()
    router.obey(MODEL)
    router.hear({"1": READY, "2": READY})
    router.hear({}, leaving=True)
    assert {entry.state for entry in router.table.versions.values()} == {VersionState.UNREACHABLE}
    assert parked(router.ask(asked("r1", version="1"))).delay_ms == 250


def test_others_are_served_while_some_wait() -> None:
    router = applied()
    router.hear({"1": READY, "2": LOADING})
    reply = router.ask(asked("waits", version="2"), *[asked(f"r{n}") for n in range(10)])
    assert len(taken(reply)) == 10
    assert serving_pb2.Parked.FromString(parked(reply).value).count == 1
