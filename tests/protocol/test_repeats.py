"""Repeats of an id, in topics that drop them: one answer, whatever else comes between."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from pointsman.core.ids import WINDOWS
from pointsman.pb.v1 import ingress_pb2
from pointsman.settings import Settings
from pointsman.statefun.protocol import DISTINCT, REQUESTS, TASKS
from pointsman.statefun.server import FunctionServer
from pointsman.statefun.window_fn import WindowFunction
from pointsman.testing.engine import Address, batch, ingress
from pointsman.testing.job import Job
from pointsman.topics import EVENTS, RESPONSES
from pointsman.wire.letter import ATTEMPT
from tests.protocol.world import MODEL, Router, asked, job, request, response, said, taken

TOPIC = "pointsman.requests"


def at(offset: int, request_id: str, **fields: Any) -> ingress_pb2.Ingress:
    """Return a request that lies at an offset."""
    value = request(request_id, **fields)
    return ingress(value, key=b"digits", offset=offset)


def ready(**settings: Any) -> Job:
    """Return a job that serves a model and drops repeats."""
    made = job(deduplicate=(TOPIC,), **settings)
    made.ingest(ingress(json.dumps(MODEL).encode(), topic="pointsman.control", format=2, key=b"digits"))
    made.settle()
    table = Router()
    table.obey(MODEL)
    made.ingest(said(table.table, {"1": 4, "2": 4}, at_ms=made.now_ms))
    made.settle()
    return made


def answers(records: list[Any]) -> Counter[str]:
    """Return how many answers each id got."""
    return Counter(response(record).id for record in records if record.topic == RESPONSES)


def test_two_records_with_one_id_get_one_answer_and_an_event_tells_of_the_other() -> None:
    made = ready()
    made.ingest(at(0, "a"), at(1, "b"), at(2, "a"))
    records = made.settle()
    assert answers(records) == {"a": 1, "b": 1}
    (told,) = [json.loads(record.value) for record in records if record.topic == EVENTS]
    assert {**told, "bucket": 0} == {
        "type": "repeats", "model": "digits", "bucket": 0, "dropped": 1, "total": 1, "id": "a",
        "at_ms": 1_000_000,
    }  # fmt: skip
    made.ingest(at(3, "a"), at(4, "c"))
    assert answers(made.settle()) == {"c": 1}


def test_records_without_an_id_of_their_own_are_never_repeats() -> None:
    made = ready()
    made.ingest(at(0, ""), at(1, ""))
    assert answers(made.settle()) == {f"{TOPIC}-0-0": 1, f"{TOPIC}-0-1": 1}


def test_a_record_that_is_delivered_again_is_answered_again() -> None:
    made = ready()
    made.ingest(at(0, "a"))
    assert answers(made.settle()) == {"a": 1}
    made.ingest(at(0, "a"))
    assert answers(made.settle()) == {"a": 1}


def test_a_dead_letter_that_is_replayed_is_no_repeat() -> None:
    made = ready()
    made.ingest(at(0, "a"))
    again = at(1, "a")
    again.headers.add(key=ATTEMPT, value=b"1")
    made.ingest(again)
    assert answers(made.settle()) == {"a": 2}


def test_the_same_id_at_two_models_is_two_requests() -> None:
    router = Router(deduplicate=(TOPIC,)).serving()
    reply = router.ask(at(0, "a"), ingress(request("a", model="other"), key=b"digits", offset=1))
    assert {sent.target.rpartition("~")[0] or sent.target for sent in reply.sent} == {
        "pointsman/window/digits",
        "pointsman/router/other",
    }


def test_other_topics_do_not_pass_the_window() -> None:
    router = Router(deduplicate=("pointsman.requests.json",)).serving()
    assert [sent.typename for sent in router.ask(asked("a"), asked("a")).sent] == [TASKS]


def test_what_the_window_let_pass_does_not_go_there_again() -> None:
    router = Router(deduplicate=(TOPIC,)).serving()
    assert taken(router.call((DISTINCT, batch(at(0, "a"))))) == ["a"]


def test_a_model_that_does_not_exist_has_no_window() -> None:
    assert Router(deduplicate=(TOPIC,)).ask(at(0, "a")).sent == []


def test_records_of_a_unit_take_one_way_where_order_was_promised() -> None:
    ordered = {"1": {**MODEL["versions"]["1"], "ordered": True}}  # type: ignore[index]
    model = {"model": "digits", "versions": ordered, "route": {"split": {"1": 1}}}
    router = Router(deduplicate=(TOPIC,)).serving(model)
    sent = router.ask(*(at(offset, f"r{offset}", unit="u") for offset in range(50))).sent
    assert len(sent) == 1
    assert len(Router(deduplicate=(TOPIC,)).serving().ask(*(at(n, f"r{n}") for n in range(50))).sent) > 8


def test_a_window_that_cannot_be_read_lets_everything_pass() -> None:
    server = FunctionServer()
    server.bind("pointsman", "window", WindowFunction(Settings()))
    address = Address(server, "pointsman", "window", "digits~3")
    address.state["seen"] = ("pointsman.v1/Seen", b"\xff")
    (sent,) = address.call((REQUESTS, batch(at(0, "a"), at(1, "a")))).sent
    assert (sent.target, sent.typename) == ("pointsman/router/digits", DISTINCT)
    assert len(ingress_pb2.IngressBatch.FromString(sent.value).records) == 2


@pytest.mark.parametrize("count", [10, 5_000])
def test_the_state_of_a_window_is_bounded(count: int) -> None:
    server = FunctionServer()
    server.bind("pointsman", "window", WindowFunction(Settings(window_ids=100 * WINDOWS)))
    address = Address(server, "pointsman", "window", "digits~3")
    address.call((REQUESTS, batch(*(at(n, f"r{n}") for n in range(count)))))
    value = address.state["seen"][1]
    assert value is not None
    assert len(value) <= 100 * 32 + 16
