"""Every accepted record has exactly one final record, whatever comes in whatever order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core import pace
from pointsman.core.pace import FIRST
from pointsman.core.tensor import Item
from pointsman.errors import INTERNAL, Failure
from pointsman.pb.v1 import inference_pb2, ingress_pb2, serving_pb2
from pointsman.pb.v1.routing_pb2 import FAILED, LOADING, READY
from pointsman.runtimes.base import Result
from pointsman.statefun import router_state
from pointsman.testing.engine import Record, ingress
from pointsman.testing.job import Job
from pointsman.topics import DEAD_LETTERS, EVENTS, INTERACTIVE, REQUESTS, REQUESTS_JSON, RESPONSES
from pointsman.topics import STATUS as STATUS_TOPIC
from pointsman.wire.state import table_from_bytes
from tests.protocol.world import (
    MODEL,
    Doubling,
    control,
    error_of,
    job,
    letter,
    output,
    request,
    response,
    tensors,
)

WINE = {"model": "wine", "versions": {"a": {"uri": "python:a:B"}}, "limits": {"deadline": "3s"}}


class Moody(Doubling):
    """A model that fails on a row of threes and breaks its contract on fours."""

    def results(self, items: Sequence[Item]) -> list[Result]:
        """Double, fail, or raise."""
        if any(item["x"].flat[0] == 4 for item in items):
            raise RuntimeError("a bug")
        return [Failure(INTERNAL, "no") if item["x"].flat[0] == 3 else {"y": item["x"] * 2} for item in items]


def value_of(kind: str, number: int) -> tuple[bytes | None, int]:
    """Return a record's value and format."""
    row = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [number % 5, 1]}
    fields: dict[str, dict[str, Any]] = {
        "version": {"version": "2"},
        "unknown": {"version": "9"},
        "elsewhere": {"model": "wine"},
        "nowhere": {"model": "nosuch"},
        "unnameable": {"model": "a/b"},
        "late": {"timeout_ms": 1},
        "empty": {"tensors": None, "unit": "u"},
        "broken": {"tensors": {"tensors": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "raw": b"1"}]}},
        "interactive": {"lane": inference_pb2.LANE_INTERACTIVE},
    }
    match kind:
        case "null":
            return None, ingress_pb2.FORMAT_PROTOBUF
        case "noise":
            return b"\x00\x00\x00\x00\x01\xffavro", ingress_pb2.FORMAT_PROTOBUF
        case "json":
            return json.dumps({"inputs": [row], "context": number}).encode(), ingress_pb2.FORMAT_JSON
        case "bad-json":
            return b'{"inputs": [', ingress_pb2.FORMAT_JSON
        case "flat":
            return json.dumps({"age": number}).encode(), ingress_pb2.FORMAT_JSON
    payload = tensors(np.array([[number % 5, 1]], "f4"))
    return request(**{"tensors": payload, **fields.get(kind, {})}), ingress_pb2.FORMAT_PROTOBUF


KINDS = (
    *("plain", "plain", "plain", "version", "unknown", "elsewhere", "nowhere", "unnameable", "late"),
    *("empty", "broken", "interactive", "null", "noise", "json", "bad-json", "flat"),
)
records = st.tuples(st.sampled_from(KINDS), st.sampled_from([b"digits", b"", b"wine", b"not a name"]))
steps = st.one_of(
    st.lists(records, min_size=1, max_size=8).map(lambda some: ("ask", some)),
    st.sampled_from([("advance", 100), ("advance", 2_500), ("advance", 12_000)]),
    st.sampled_from([("ready", READY), ("ready", LOADING), ("ready", FAILED)]),
    st.sampled_from([("split", {"1": 1}), ("split", {"2": 1}), ("split", {"9": 1}), ("retire", ["1"])]),
)


class Play:
    """Plays steps against a job and counts what came in."""

    def __init__(self, runner: Doubling) -> None:
        self.job: Job = job(runner, waiting_bytes=600)
        self.asked: dict[str, str] = {}
        self.commands = 0
        for model in (MODEL, WINE):
            self.command(model, str(model["model"]))

    def command(self, body: Any, model: str = "digits") -> None:
        self.commands += 1
        self.job.ingest(control({"model": model, **body}, key=model.encode(), offset=self.commands))
        self.job.settle()

    def ask(self, some: list[tuple[str, bytes]]) -> None:
        batch = []
        for kind, key in some:
            number = len(self.asked)
            value, declared = value_of(kind, number)
            topic = REQUESTS_JSON if declared == ingress_pb2.FORMAT_JSON else REQUESTS
            topic = INTERACTIVE if kind == "interactive" else topic
            partition = number % 2
            self.asked[f"{topic}-{partition}-{number}"] = kind
            place = {"topic": topic, "partition": partition, "offset": number}
            place["timestamp_ms"] = self.job.now_ms
            batch.append(ingress(value, key=key, format=declared, **place))
        self.job.ingest(*batch)
        self.job.settle()

    def ready(self, state: int) -> None:
        for model in ("digits", "wine"):
            value = self.job.address(f"pointsman/router/{model}").state["table"][1]
            assert value is not None
            status = serving_pb2.PodStatus(pod="p1", pool="default", model=model, at_ms=self.job.now_ms)
            for entry in table_from_bytes(value).versions.values():
                status.held.add(version=entry.version, generation=entry.generation, state=state)
            self.job.ingest(ingress(status.SerializeToString(), topic=STATUS_TOPIC, key=model.encode()))
        self.job.settle()

    def step(self, what: str, argument: Any) -> None:
        match what:
            case "ask":
                self.ask(argument)
            case "advance":
                self.job.advance(argument)
            case "ready":
                self.ready(argument)
            case _:
                self.command({what: argument})


def identity(record: Record) -> str:
    if record.value[:1] == b"{":
        found: str = json.loads(record.value)["id"]
        return found
    return response(record).id


@settings(max_examples=25)
@given(st.lists(steps, min_size=1, max_size=10), st.sampled_from([1, 3, FIRST]))
def test_every_record_gets_exactly_one_final_answer(plan: list[tuple[str, Any]], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(router_state, "FIRST", limit)
        patch.setattr(pace, "LEAST", limit)
        check_one_final_answer(plan)


def check_one_final_answer(plan: list[tuple[str, Any]]) -> None:
    play = Play(Moody())
    for what, argument in plan:
        play.step(what, argument)
    play.command(MODEL)
    play.command(WINE, "wine")
    for _ in range(3):  # what still waits is served, or its model is gone
        play.ready(READY)
        play.job.advance(4_000)
    answers = [record for record in play.job.records if record.topic == RESPONSES]
    assert Counter(identity(record) for record in answers) == Counter(play.asked.keys())
    refused = {identity(record) for record in answers if error_of(record)}
    retryable = {
        identity(record)
        for record in answers
        if error_of(record).get("retryable") and play.asked[identity(record)] == "interactive"
    }
    aside = Counter(letter(record).id for record in play.job.records if record.topic == DEAD_LETTERS)
    assert aside == Counter(refused - retryable)
    acks = [json.loads(record.value) for record in play.job.records if record.topic == EVENTS]
    assert sum(event["type"] == "ack" for event in acks) == play.commands


def test_the_play_serves_and_refuses() -> None:
    play = Play(Doubling())
    play.ready(READY)
    play.ask([(kind, b"digits") for kind in KINDS])
    answers = {
        play.asked[identity(record)]: record for record in play.job.records if record.topic == RESPONSES
    }
    served = {kind for kind, record in answers.items() if not error_of(record)}
    assert served == {"plain", "version", "elsewhere", "interactive", "json", "late"}
    assert output(answers["version"]) == [6, 2]
