"""Requests at the router: where each goes, or what it is told."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from pointsman.core.decision_id import verify
from pointsman.core.ids import INTERACTIVE_SHARD
from pointsman.errors import (
    DEADLINE_EXCEEDED,
    FAILED_PRECONDITION,
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
)
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.pb.v1.inference_pb2 import LANE_INTERACTIVE
from pointsman.pb.v1.routing_pb2 import FAILED, READY
from pointsman.statefun import dispatch
from pointsman.statefun.protocol import REPORT, REQUESTS, TASKS
from pointsman.statefun.shards import BUSY
from pointsman.testing.engine import ingress
from pointsman.topics import DEAD_LETTERS, RESPONSES
from tests.protocol.world import (
    MODEL,
    Router,
    asked,
    asked_json,
    error_of,
    letter,
    request,
    response,
    taken,
    tasks,
)


def versions(sent: dict[str, list[str]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for target, ids in sent.items():
        counts[target.split("~")[1]] += len(ids)
    return counts


def test_requests_are_split_by_weight_and_keep_their_order_within_a_shard() -> None:
    reply = Router().serving().ask(*[asked(f"r{n:04}") for n in range(1_000)])
    found = tasks(reply.sent)
    shares = versions(found)
    assert shares.total() == 1_000
    assert 60 <= shares["2"] <= 140
    assert all(ids == sorted(ids) for ids in found.values())
    assert reply.records == []


def test_a_unit_keeps_its_version_and_a_request_without_unit_its_own() -> None:
    router = Router().serving({**MODEL, "route": {"split": {"1": 1, "2": 1}}})
    for unit in ("u1", "u2", "u3", "u4"):
        found = versions(tasks(router.ask(*[asked(f"{unit}-{n}", unit=unit) for n in range(20)]).sent))
        assert len(found) == 1
    assert len(versions(tasks(router.ask(*[asked(f"r{n}") for n in range(20)]).sent))) == 2


def test_a_route_may_split_by_request_whatever_the_unit() -> None:
    router = Router().serving({**MODEL, "route": {"split": {"1": 1, "2": 1}, "sticky": "request"}})
    assert len(versions(tasks(router.ask(*[asked(f"r{n}", unit="u") for n in range(20)]).sent))) == 2


def test_a_task_carries_its_request_as_it_came() -> None:
    router = Router().serving()
    record = asked("r1", version="2", timeout_ms=500, reply_key="gw-7", context=b"\x00raw")
    ((value, typename),) = [(sent.value, sent.typename) for sent in router.ask(record).sent]
    assert typename == TASKS
    message = serving_pb2.TaskBatch.FromString(value)
    assert (message.model, message.version, message.arm, message.output) == ("digits", "2", "2", RESPONSES)
    assert (message.epoch, message.generation) == (router.table.epoch, router.table.versions["2"].generation)
    (task,) = message.tasks
    assert (task.id, task.reply_key, task.deadline_ms) == ("r1", "gw-7", 1_000_500)
    assert ingress_pb2.Ingress.FromString(task.ingress) == record
    decision = verify(b"pointsman", task.decision_id)
    assert decision is not None
    assert (decision.model, decision.arm, decision.epoch, decision.time_ms) == (
        "digits",
        "2",
        router.table.epoch,
        1_000_000,
    )


def test_a_model_may_have_a_deadline_of_its_own() -> None:
    router = Router().serving({**MODEL, "limits": {"deadline": "2s"}})
    reply = router.ask(asked("own", version="1", timeout_ms=10), asked("none", version="1"))
    message = serving_pb2.TaskBatch.FromString(reply.sent[0].value)
    assert [task.deadline_ms for task in message.tasks] == [1_000_010, 1_002_000]


@pytest.mark.parametrize(
    "fields", [{"version": "2"}, {"label": "canary"}, {"version": "2", "label": "stable"}]
)
def test_an_explicit_version_or_label_beats_the_split(fields: dict[str, str]) -> None:
    router = Router().serving({**MODEL, "labels": {"canary": "2", "stable": "1"}})
    records = [asked(f"r{n}", unit=f"u{n}", **fields) for n in range(10)]
    assert versions(tasks(router.ask(*records).sent)) == {"2": 10}


REFUSED: list[tuple[ingress_pb2.Ingress, str, str, str]] = [
    (asked("r", version="9"), NOT_FOUND, "version", "no version '9'"),
    (asked("r", label="prod"), NOT_FOUND, "label", "no label 'prod'"),
    (asked("r", model="a/b"), INVALID_ARGUMENT, "model", "a model's name is"),
    (asked("r", model=".."), INVALID_ARGUMENT, "model", "a model's name is"),
    (asked("r", model="n" * 300), INVALID_ARGUMENT, "model", "a model's name is"),
    (ingress(b"\xff\xff", key=b"digits"), INVALID_ARGUMENT, "", "not an InferenceRequest"),
    (ingress(None, key=b"digits"), INVALID_ARGUMENT, "", "value is null"),
    (ingress(b"", key=b"digits"), INVALID_ARGUMENT, "", "value is empty"),
    (ingress(b"x", key=b"digits", format=0), INVALID_ARGUMENT, "", "no declared format"),
    (asked_json(b"nonsense"), INVALID_ARGUMENT, "", "not a JSON object"),
    (asked_json({"inputs": 1, "timeout_ms": "soon"}), INVALID_ARGUMENT, "", "not a request"),
]


@pytest.mark.parametrize(
    ("record", "code", "field", "words"), REFUSED, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_request_that_cannot_be_served_is_answered_and_laid_aside(
    record: ingress_pb2.Ingress, code: str, field: str, words: str
) -> None:
    reply = Router().serving().ask(record)
    (answer,), (aside,) = reply.to(RESPONSES), reply.to(DEAD_LETTERS)
    error = error_of(answer)
    assert (error["code"], error.get("field", ""), error["retryable"]) == (code, field, False)
    assert words in error["message"]
    assert letter(aside).ingress == record
    assert letter(aside).error.code == code
    assert reply.sent == []


def test_a_bad_record_spoils_no_neighbour() -> None:
    router = Router().serving()
    bad = [record for record, *_ in REFUSED]
    records = [one for n, record in enumerate(bad) for one in (asked(f"good{n}"), record)]
    reply = router.ask(*records)
    assert sorted(taken(reply)) == sorted(f"good{n}" for n in range(len(bad)))
    assert len(reply.to(RESPONSES)) == len(reply.to(DEAD_LETTERS)) == len(bad)


def test_a_refusal_comes_in_the_form_of_its_request_under_its_reply_key() -> None:
    router = Router().serving()
    as_json = asked_json(
        {"id": "j1", "version": "9", "reply_key": "gw", "inputs": [], "context": {"order": 7}}
    )
    reply = router.ask(as_json, asked("p1", version="9", reply_key="gw", context=b"ctx", traceparent="00-1"))
    first, second = reply.to(RESPONSES)
    assert (first.key, second.key) == ("gw", "gw")
    tree = json.loads(first.value)
    assert (tree["id"], tree["context"], tree["error"]["code"]) == ("j1", {"order": 7}, NOT_FOUND)
    found = response(second)
    assert (found.id, found.context, found.traceparent, found.model) == ("p1", b"ctx", "00-1", "digits")


def test_an_unknown_model_is_not_found() -> None:
    reply = Router("nosuch").ask(asked("r", model="nosuch"))
    assert error_of(reply.to(RESPONSES)[0])["message"] == "unknown model 'nosuch'"
    assert reply.to(DEAD_LETTERS)[0].key == "nosuch"


def test_a_record_under_the_wrong_key_goes_to_its_own_router() -> None:
    router = Router().serving()
    strays = [asked(f"r{n}", model="wine") for n in range(3)]
    reply = router.ask(strays[0], asked("mine"), *strays[1:], asked_json({"model": "churn", "inputs": []}))
    forwarded = {sent.target: sent for sent in reply.sent if sent.typename == REQUESTS}
    assert set(forwarded) == {"pointsman/router/wine", "pointsman/router/churn"}
    passed_on = ingress_pb2.IngressBatch.FromString(forwarded["pointsman/router/wine"].value).records
    assert [record.via for record in passed_on] == ["digits"] * 3
    assert [record.value for record in passed_on] == [stray.value for stray in strays]
    assert taken(reply) == ["mine"]
    wine = Router("wine").call((REQUESTS, forwarded["pointsman/router/wine"].value))
    assert len(wine.to(RESPONSES)) == 3


def test_a_record_without_key_is_sent_on_by_the_router_of_nobody() -> None:
    named, nameless = ingress(request("r1", model="wine")), ingress(request("r2"))
    reply = Router("_").ask(named, nameless)
    assert [sent.target for sent in reply.sent] == ["pointsman/router/wine"]
    (answer,) = reply.to(RESPONSES)
    assert (error_of(answer)["code"], error_of(answer)["field"]) == (INVALID_ARGUMENT, "model")
    assert [record.key for record in reply.to(DEAD_LETTERS)] == ["_"]


def test_the_declared_model_of_a_topic_or_header_beats_the_requests_own() -> None:
    router = Router().serving()
    record = ingress(request("r1", model="wine", version="1"), model="digits", key=b"anything")
    assert taken(router.ask(record)) == ["r1"]


@pytest.mark.parametrize(("timeout", "is_late"), [(1, True), (0, False), (60_001, False)])
def test_a_request_past_its_deadline_expires_unserved(timeout: int, is_late: bool) -> None:
    router = Router().serving()
    router.now += 60_000
    reply = router.ask(asked("r1", timeout_ms=timeout))
    assert [error_of(record)["code"] for record in reply.to(RESPONSES)] == [DEADLINE_EXCEEDED] * is_late
    assert len(reply.to(DEAD_LETTERS)) == is_late
    assert bool(tasks(reply.sent)) != is_late


@pytest.mark.parametrize("timestamp", [-1, 0, 2**63 - 1])
def test_a_strange_timestamp_does_no_harm(timestamp: int) -> None:
    router = Router().serving({**MODEL, "limits": {"deadline": "2s"}})
    reply = router.ask(
        ingress(request("r1", timeout_ms=2**63 - 1), key=b"digits", timestamp_ms=timestamp), asked("r2")
    )
    answered = [response(record).id for record in reply.to(RESPONSES)]
    assert sorted(answered + taken(reply)) == ["r1", "r2"]


def full(limit: int) -> Router:
    """Return a router with as many requests in flight as it may have."""
    router = Router().serving({**MODEL, "limits": {"max_inflight": limit}})
    router.ask(*[asked(f"r{n}", version="1", lane=LANE_INTERACTIVE) for n in range(limit)])
    return router


def test_a_full_model_refuses_those_who_wait_early_and_retryably() -> None:
    reply = full(5).ask(asked("now", lane=LANE_INTERACTIVE), asked("stream"))
    (answer,) = reply.to(RESPONSES)
    assert (response(answer).id, error_of(answer)["code"], error_of(answer)["retryable"]) == (
        "now",
        RESOURCE_EXHAUSTED,
        True,
    )
    assert reply.to(DEAD_LETTERS) == []
    assert taken(reply) == ["stream"]


def test_one_below_its_limit_a_model_takes_one_more() -> None:
    router = full(5)
    generation = router.table.versions["1"].generation
    done = serving_pb2.BatchReport(version="1", generation=generation, shard=INTERACTIVE_SHARD, done=1)
    router.call((REPORT, done.SerializeToString()))
    reply = router.ask(asked("now", lane=LANE_INTERACTIVE))
    assert taken(reply) == ["now"]


@pytest.mark.parametrize(("room", "sent"), [(1, ["now"]), (0, [])])
def test_bytes_in_flight_are_a_limit_too(monkeypatch: pytest.MonkeyPatch, room: int, sent: list[str]) -> None:
    router = Router().serving()
    router.ask(asked("large", version="1", lane=LANE_INTERACTIVE))
    held = sum(totals.sent_bytes for totals in router.arms.shards)
    monkeypatch.setattr(dispatch, "MAX_INFLIGHT_BYTES", held + room)
    reply = router.ask(asked("now", lane=LANE_INTERACTIVE))
    assert taken(reply) == sent
    assert [error_of(record)["code"] for record in reply.to(RESPONSES)] == [RESOURCE_EXHAUSTED] * (1 - room)


def inflight(router: Router) -> int:
    return sum(totals.sent - totals.done for totals in router.arms.shards)


def test_reports_lower_what_is_in_flight_and_come_in_any_order() -> None:
    router = full(10)
    assert inflight(router) == 10
    generation = router.table.versions["1"].generation
    for done, left in ((4, 6), (9, 1), (4, 1), (9, 1)):
        report = serving_pb2.BatchReport(version="1", generation=generation, shard=0, done=done, failed=1)
        router.call((REPORT, report.SerializeToString()))
        assert inflight(router) == left


def test_a_report_of_another_generation_or_version_does_not_count() -> None:
    router = full(3)
    for report in (
        serving_pb2.BatchReport(version="1", generation=99, shard=0, done=3),
        serving_pb2.BatchReport(version="9", generation=1, shard=0, done=3),
    ):
        router.call((REPORT, report.SerializeToString()))
    assert inflight(router) == 3


def test_few_requests_go_to_one_shard_and_many_to_the_idlest() -> None:
    router = Router().serving()
    sizes = (BUSY - 1, 1, 1, BUSY + 5, 1, 1)
    taken = [
        next(iter(tasks(router.ask(*[asked(f"{batch}-{n}", version="1") for n in range(size)]).sent)))
        for batch, size in enumerate(sizes)
    ]
    # The first has room twice; then the second takes what comes, and more than that; then the idlest.
    assert [address.rpartition("~")[2] for address in taken] == ["0", "0", "1", "1", "0", "0"]


def test_an_ordered_version_keeps_each_unit_on_one_shard() -> None:
    ordered = {"1": {"uri": "python:a:B", "ordered": True, "concurrency": 4}}
    router = Router().serving({"model": "digits", "versions": ordered})
    shards: dict[str, set[str]] = {}
    for turn in range(4):
        found = tasks(router.ask(*[asked(f"u{n}-{turn}", unit=f"u{n}") for n in range(12)]).sent)
        for target, ids in found.items():
            for one in ids:
                shards.setdefault(one.split("-")[0], set()).add(target)
    assert all(len(targets) == 1 for targets in shards.values())
    assert len(set.union(*shards.values())) > 1


def test_a_failed_version_is_unavailable_with_its_reason() -> None:
    router = Router()
    router.obey(MODEL)
    router.hear({"1": READY, "2": FAILED})
    (answer,) = router.ask(asked("r", version="2")).to(RESPONSES)
    assert (error_of(answer)["code"], error_of(answer)["retryable"]) == (UNAVAILABLE, True)


def test_a_draining_version_is_refused_by_name() -> None:
    router = Router().serving()
    router.ask(asked("r1", version="1"))
    router.obey({"model": "digits", "versions": {"2": {"uri": "python:a:Two"}}}, offset=5)
    (answer,) = router.ask(asked("r2", version="1")).to(RESPONSES)
    assert error_of(answer)["code"] == FAILED_PRECONDITION


def test_a_route_may_name_an_allowed_output_topic() -> None:
    router = Router(outputs=("mine",)).serving({**MODEL, "route": {"split": {"1": 1}, "output": "mine"}})
    reply = router.ask(asked("r1"), asked("r2", version="9"))
    assert serving_pb2.TaskBatch.FromString(reply.sent[0].value).output == "mine"
    assert [record.topic for record in reply.records] == ["mine", DEAD_LETTERS]


def test_features_of_the_route_travel_with_the_tasks() -> None:
    router = Router().serving({**MODEL, "route": {"split": {"1": 1}, "features": ["a", "b"]}})
    reply = router.ask(asked_json({"a": 1, "b": 2}))
    assert list(serving_pb2.TaskBatch.FromString(reply.sent[0].value).features) == ["a", "b"]


def test_the_state_stays_small_whatever_was_asked() -> None:
    router = Router().serving()
    for turn in range(20):
        router.ask(*[asked(f"r{turn}-{n}", context=bytes(500)) for n in range(20)])
    sizes: dict[str, Any] = {name: len(value or b"") for name, (_, value) in router.address.state.items()}
    assert sum(sizes.values()) < 1_000, sizes
