"""What a version cannot answer goes to its fallback: once, with exact totals, and named as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pointsman.core.tensor import Item
from pointsman.errors import (
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_ARGUMENT,
    RESOURCE_EXHAUSTED,
    UNAVAILABLE,
    Failure,
)
from pointsman.pb.v1 import inference_pb2, ingress_pb2, serving_pb2
from pointsman.pb.v1.inference_pb2 import LANE_INTERACTIVE
from pointsman.pb.v1.routing_pb2 import LOADING, READY
from pointsman.runtimes.base import Key, Result
from pointsman.runtimes.host import Ran
from pointsman.statefun.dispatch import Dispatch
from pointsman.statefun.protocol import DIVERTED, TASKS
from pointsman.testing.engine import Record, Reply
from pointsman.testing.job import Job
from pointsman.topics import DEAD_LETTERS, RESPONSES
from pointsman.wire.state import table_from_bytes
from pointsman.wire.task import MAX_BATCH_BYTES
from tests.protocol.world import (
    Doubling,
    Router,
    Shard,
    asked,
    control,
    error_of,
    events,
    job,
    letter,
    output,
    response,
    said,
    task_batch,
    tasks,
)

DOWN = Failure(UNAVAILABLE, "the remote did not answer lately")
MODEL = {
    "model": "digits",
    "versions": {
        "1": {"uri": "python:a:One", "fallback": "2"},
        "2": {"uri": "python:a:Two", "fallback": "1"},
    },
    "route": {"split": {"1": 100}},
}


class Failing(Doubling):
    """Some versions fail with what is told of them; requests that hold a 7 are refused by all."""

    def __init__(self, **failures: Failure) -> None:
        super().__init__()
        self.failures = {name.removeprefix("v"): failure for name, failure in failures.items()}
        self.ran: list[tuple[str, int]] = []

    async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Run a batch as its version does."""
        self.ran.append((key.version, len(items)))
        failure = self.failures.get(key.version)
        return Ran([_bad(item) or failure or {"y": item["x"] * 2} for item in items], 11, len(items))


def _bad(item: Item) -> Result | None:
    return Failure(INVALID_ARGUMENT, "7 is no digit") if (item["x"] == 7).any() else None


def serving(runner: Doubling, model: dict[str, Any] = MODEL, **states: int) -> Job:
    """Return a job with the model and its versions in these states; READY where none is told."""
    made = job(runner)
    made.ingest(control(model))
    made.settle()
    made.ingest(said(table_of(made), {"1": READY, "2": READY} | {n[1:]: s for n, s in states.items()}))
    made.settle()
    return made


def table_of(made: Job) -> Any:
    """Return the router's table."""
    return table_from_bytes(made.address("pointsman/router/digits").state["table"][1] or b"")


def answers(records: Sequence[Record]) -> dict[str, inference_pb2.InferenceResponse]:
    """Return the responses by id; each comes once."""
    found = [response(record) for record in records if record.topic == RESPONSES]
    assert len({one.id for one in found}) == len(found)
    return {one.id: one for one in found}


def acks(reply: Reply) -> list[dict[str, Any]]:
    """Return the acknowledgements of a reply."""
    return [event for event in events(reply) if event["type"] == "ack"]


def diverted(reply: Reply) -> list[serving_pb2.Diverted]:
    """Return what goes to the fallback."""
    return [serving_pb2.Diverted.FromString(sent.value) for sent in reply.sent if sent.typename == DIVERTED]


def test_what_a_version_cannot_answer_its_fallback_does_and_the_answer_names_both() -> None:
    made = serving(Failing(v1=DOWN))
    made.ingest(*[asked(f"r{n}") for n in range(20)])
    records = made.settle()
    found = answers(records)
    assert len(found) == 20
    assert {(one.version, one.arm, one.error.code) for one in found.values()} == {("2", "1", "")}
    assert output(next(record for record in records if record.topic == RESPONSES)) == [2, 2]
    assert [record for record in records if record.topic == DEAD_LETTERS] == []


@pytest.mark.parametrize("code", [UNAVAILABLE, RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED])
def test_trouble_that_another_version_may_not_have_is_diverted(code: str) -> None:
    shard = Shard(Failing(v1=Failure(code, "no")))
    reply = shard.serve(asked("a"), asked("b"), fallback="2")
    (message,) = diverted(reply)
    assert (message.version, message.error.code, message.error.message) == ("1", code, "no")
    assert len(ingress_pb2.IngressBatch.FromString(message.batch).records) == 2
    assert reply.to(RESPONSES) == reply.to(DEAD_LETTERS) == []
    assert (shard.totals.done, shard.totals.failed) == (2, 0)


@pytest.mark.parametrize("code", [INVALID_ARGUMENT, INTERNAL])
def test_what_the_request_or_the_model_is_to_blame_for_is_answered_where_it_is(code: str) -> None:
    reply = Shard(Failing(v1=Failure(code, "no"))).serve(asked(), fallback="2")
    assert diverted(reply) == []
    assert [error_of(record)["code"] for record in reply.to(RESPONSES)] == [code]


def test_of_a_batch_those_go_that_could_not_be_answered() -> None:
    made = serving(Failing(v1=DOWN))
    bad = np.full((1, 2), 7, np.float32)
    made.ingest(asked("good"), asked("bad", array=bad))
    found = answers(made.settle())
    assert (found["good"].version, found["good"].error.code) == ("2", "")
    assert (found["bad"].version, found["bad"].error.code) == ("1", INVALID_ARGUMENT)


def test_where_both_fail_the_answer_is_final_and_nobody_is_asked_twice() -> None:
    runner = Failing(v1=DOWN, v2=Failure(UNAVAILABLE, "nor I"))
    made = serving(runner)
    made.ingest(*[asked(f"r{n}") for n in range(5)])
    found = answers(made.settle())
    assert {one.error.message for one in found.values()} == {"nor I"}
    assert runner.ran == [("1", 5), ("2", 5)]


def test_the_totals_of_both_versions_are_exact() -> None:
    made = serving(Failing(v1=DOWN))
    made.ingest(*[asked(f"r{n}") for n in range(30)])
    made.advance(2_000)
    arms = serving_pb2.Arms.FromString(made.address("pointsman/router/digits").state["arms"][1] or b"")
    totals = {shard.version: shard for shard in arms.shards if shard.sent}
    assert {name: (one.sent, one.done, one.failed) for name, one in totals.items()} == {
        "1": (30, 30, 0),
        "2": (30, 30, 0),
    }
    for one in totals.values():
        assert (one.sent_bytes, one.sent_messages) == (one.done_bytes, one.done_messages)


def test_a_request_without_time_left_is_not_sent_on() -> None:
    class Slow(Failing):
        async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
            assert list(left_ms) == [500]
            shard.now += 600
            return await super().run(key, items)

    shard = Shard(Slow(v1=DOWN))
    reply = shard.serve(asked(), fallback="2", deadline_ms=shard.now + 500)
    assert diverted(reply) == []
    assert [error_of(record)["code"] for record in reply.to(RESPONSES)] == [UNAVAILABLE]


def test_a_fallback_that_is_gone_meanwhile_leaves_the_first_answer() -> None:
    router = Router().serving(MODEL)
    (message,) = diverted(Shard(Failing(v1=DOWN)).serve(asked("r"), fallback="2"))
    router.hear({"1": READY, "2": LOADING})
    reply = router.call((DIVERTED, message.SerializeToString()))
    assert tasks(reply.sent) == {}
    (record,) = reply.to(RESPONSES)
    assert error_of(record) == {"code": UNAVAILABLE, "message": DOWN.message, "retryable": True, "field": ""}
    (lost,) = reply.to(DEAD_LETTERS)
    answer = response(record)
    assert (answer.version, answer.arm, answer.epoch, letter(lost).version) == ("1", "1", 7, "1")


def test_the_router_names_a_fallback_only_while_it_serves() -> None:
    router = Router().serving(MODEL)

    def named() -> set[str]:
        sent = [s for s in router.ask(asked("r", version="1")).sent if s.typename == TASKS]
        return {serving_pb2.TaskBatch.FromString(one.value).fallback for one in sent}

    assert named() == {"2"}
    router.hear({"1": READY, "2": LOADING})
    assert named() == {""}


def test_somebody_who_waits_goes_by_the_shard_for_those_who_wait() -> None:
    router = Router().serving(MODEL)
    waiting = asked("r", lane=LANE_INTERACTIVE)
    (message,) = diverted(Shard(Failing(v1=DOWN)).serve(waiting, fallback="2"))
    (first,) = tasks(router.ask(waiting).sent)
    (second,) = tasks(router.call((DIVERTED, message.SerializeToString())).sent)
    assert second == first.replace("~1~", "~2~")


def test_a_version_that_is_not_ready_has_its_requests_answered_by_its_fallback() -> None:
    made = serving(Failing(), v1=LOADING)
    made.ingest(asked("split"), asked("named", version="1"))
    assert {id_: one.version for id_, one in answers(made.settle()).items()} == {"split": "2", "named": "2"}


def test_large_records_are_sent_on_in_messages_of_the_usual_size() -> None:
    large = [asked(f"r{n}", context=b"x" * 200_000) for n in range(12)]
    messages = diverted(Shard(Failing(v1=DOWN)).serve(*large, fallback="2"))
    assert len(messages) > 1
    assert max(len(message.batch) for message in messages) < MAX_BATCH_BYTES + 300_000
    records = [r for m in messages for r in ingress_pb2.IngressBatch.FromString(m.batch).records]
    assert records == large


def test_a_diverted_record_that_breaks_the_router_is_answered_and_its_neighbours_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    router = Router().serving(MODEL)
    (message,) = diverted(Shard(Failing(v1=DOWN)).serve(asked("good"), asked("bad"), fallback="2"))
    send = Dispatch._send

    def broken(self: Dispatch, entry: Any, heads: Any, *rest: Any, **more: Any) -> None:
        if any(head.id == "bad" for head in heads):
            raise RuntimeError("on purpose")
        send(self, entry, heads, *rest, **more)

    monkeypatch.setattr(Dispatch, "_send", broken)
    reply = router.call((DIVERTED, message.SerializeToString()))
    assert [response(record).id for record in reply.to(RESPONSES)] == ["bad"]
    assert list(tasks(reply.sent).values()) == [["good"]]


@pytest.mark.parametrize(
    ("versions", "code"),
    [
        ({"1": {"uri": "python:a:One", "fallback": "1"}}, INVALID_ARGUMENT),
        ({"1": {"uri": "python:a:One", "fallback": "9"}}, "NOT_FOUND"),
    ],
)
@pytest.mark.parametrize("command", ["apply", "register"])
def test_a_fallback_is_another_version_of_the_model(
    versions: dict[str, Any], code: str, command: str
) -> None:
    body: dict[str, Any] = {"versions": versions} if command == "apply" else versions
    (ack,) = acks(Router().obey({"model": "digits", command: body}))
    assert (ack["error"]["code"], ack["error"]["field"]) == (code, "versions.1.fallback")


def test_a_version_that_is_added_may_name_one_that_is_there_and_a_fallback_may_be_changed() -> None:
    router = Router().serving({"model": "digits", "versions": {"1": {"uri": "python:a:One"}}})
    added = {"2": {"uri": "python:a:Two", "fallback": "1"}}
    assert [ack["ok"] for ack in acks(router.obey({"model": "digits", "register": added}, offset=1))] == [
        True
    ]
    assert router.table.versions["2"].spec.fallback == "1"
    versions = {"1": {"uri": "python:a:One", "fallback": "2"}, "2": {"uri": "python:a:Two"}}
    changed = {"model": "digits", "versions": versions, "route": {"split": {"1": 1}}}
    assert [ack["ok"] for ack in acks(router.obey(changed, offset=2))] == [True]
    assert [router.table.versions[name].spec.fallback for name in ("1", "2")] == ["2", ""]


def test_batches_of_one_version_with_and_without_a_fallback_are_kept_apart() -> None:
    shard = Shard(Failing(v1=DOWN))
    batches = [task_batch(asked("a"), fallback="2"), task_batch(asked("b"))]
    reply = shard.call(*[(TASKS, one) for one in batches])
    assert len(diverted(reply)) == len(reply.to(RESPONSES)) == 1
