"""A record that breaks the router's own code is answered, and spoils no neighbour."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.core.reduce import reduce
from pointsman.core.table import RouteTable
from pointsman.errors import INTERNAL, Failure
from pointsman.pb.v1.routing_pb2 import READY
from pointsman.statefun import dispatch, steering
from pointsman.statefun.dispatch import Dispatch
from pointsman.statefun.protocol import CONTROL, PARKED, REPORT, REQUESTS, STATUS, TICK
from pointsman.statefun.steering import Steering
from pointsman.testing.engine import batch, ingress
from pointsman.topics import DEAD_LETTERS, RESPONSES
from pointsman.wire import head
from tests.protocol.world import (
    MODEL,
    Router,
    asked,
    asked_json,
    control,
    error_of,
    events,
    response,
    said,
    taken,
)


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Router:
    """Return a serving router that breaks on a request named poison."""
    healthy = Dispatch._verdict

    def verdict(self: Dispatch, one: Any, *more: Any) -> Any:
        if one.id == "poison":
            raise RuntimeError("a bug")
        return healthy(self, one, *more)

    monkeypatch.setattr(Dispatch, "_verdict", verdict)
    return Router().serving()


def test_a_poisonous_record_is_answered_and_its_neighbours_are_served(poisoned: Router) -> None:
    reply = poisoned.ask(asked("r1"), asked("poison", reply_key="gw"), asked("r2"))
    (answer,) = reply.to(RESPONSES)
    assert (answer.key, response(answer).id, error_of(answer)["code"]) == ("gw", "poison", INTERNAL)
    assert "bug" not in error_of(answer)["message"]
    assert len(reply.to(DEAD_LETTERS)) == 1
    assert sorted(taken(reply)) == ["r1", "r2"]
    assert sum(totals.sent for totals in poisoned.arms.shards) == 2


def test_messages_of_other_kinds_in_the_call_are_obeyed_once(poisoned: Router) -> None:
    epoch = poisoned.table.epoch
    reply = poisoned.call(
        (REQUESTS, batch(asked("r1"))),
        (CONTROL, batch(control({"model": "digits", "split": {"2": 1}}, offset=4))),
        (REQUESTS, batch(asked("poison"), asked("r2"))),
        (STATUS, batch(said(poisoned.table, {"1": READY, "2": READY}))),
    )
    assert [event["ok"] for event in events(reply)] == [True]
    assert poisoned.table.epoch == epoch + 1
    assert sorted(taken(reply)) == ["r1", "r2"]
    assert len(reply.to(RESPONSES)) == 1


def test_a_json_poison_is_answered_in_json(poisoned: Router) -> None:
    reply = poisoned.ask(asked_json({"id": "poison", "inputs": [], "context": 5}), asked("r1"))
    (answer,) = reply.to(RESPONSES)
    assert answer.value.startswith(b"{")
    assert error_of(answer)["code"] == INTERNAL


def test_a_parked_poison_leaves_the_bound_when_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router()
    router.obey(MODEL)
    (sent,) = router.ask(asked("poison", version="1"), asked("r1", version="1")).sent
    healthy = Dispatch._verdict

    def verdict(self: Dispatch, one: Any, *more: Any) -> Any:
        if one.id == "poison":
            raise RuntimeError("a bug")
        return healthy(self, one, *more)

    monkeypatch.setattr(Dispatch, "_verdict", verdict)
    reply = router.call((PARKED, sent.value))
    assert [response(record).id for record in reply.to(RESPONSES)] == ["poison"]
    assert (router.arms.waiting, router.arms.waiting_bytes) == (1, asked("r1", version="1").ByteSize())


def test_a_record_whose_very_head_breaks_is_answered_under_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = head.read_heads

    def read(value: bytes) -> Any:
        if b"poison" in value:
            raise RuntimeError("a bug")
        return healthy(value)

    monkeypatch.setattr(dispatch, "read_heads", read)
    router = Router().serving()
    bad = ingress(asked("poison").value, key=b"digits", partition=2, offset=9)
    reply = router.ask(asked("r1"), bad, asked("r2"))
    assert [response(record).id for record in reply.to(RESPONSES)] == ["pointsman.requests-2-9"]
    assert sorted(taken(reply)) == ["r1", "r2"]


def test_a_command_that_breaks_the_router_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = reduce

    def breaking(table: RouteTable, command: Any, facts: Any) -> RouteTable | Failure:
        if command.id == "poison":
            raise RuntimeError("a bug")
        return healthy(table, command, facts)

    monkeypatch.setattr(steering, "reduce", breaking)
    router = Router().serving()
    bad = control({"id": "poison", "model": "digits", "split": {"1": 1}}, offset=5)
    good = control({"id": "good", "model": "digits", "split": {"2": 1}}, offset=6)
    acks = events(router.call((CONTROL, batch(bad, good))))
    assert {ack["command"]: ack["ok"] for ack in acks} == {"pointsman.control-0-5": False, "good": True}
    assert router.table.route.split == {"2": 10_000}


@pytest.mark.parametrize(
    "typename", [REQUESTS, CONTROL, STATUS, PARKED, REPORT, TICK, "someone.else/Message"]
)
def test_a_message_that_is_no_message_is_passed_over(typename: str) -> None:
    router = Router().serving()
    before = dict(router.address.state)
    reply = router.call((typename, b"\xff\xff\xff"), (REQUESTS, batch(asked("r1"))))
    assert taken(reply) == ["r1"]
    assert reply.records == []
    assert router.address.state["table"] == before["table"]


def test_what_breaks_only_beside_others_is_answered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = Steering.status
    calls: list[int] = []

    def status(self: Steering, value: bytes) -> None:
        calls.append(1)
        if len(calls) != 2:  # healthy alone, broken before and after
            raise RuntimeError("a bug")
        healthy(self, value)

    monkeypatch.setattr(Steering, "status", status)
    router = Router()
    router.obey(MODEL)
    reply = router.call((STATUS, batch(said(router.table, {"1": READY}))), (REQUESTS, batch(asked("r1"))))
    assert len(reply.sent) == 1
