"""Tasks at a model function: one answer each, whatever the model and the neighbours do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pointsman.core.tensor import Item, Signature, TensorSpec
from pointsman.errors import DEADLINE_EXCEEDED, INTERNAL, INVALID_ARGUMENT, UNAVAILABLE, Failure
from pointsman.pb.v1 import inference_pb2, serving_pb2
from pointsman.runtimes.base import Key, Result
from pointsman.runtimes.host import Ran
from pointsman.statefun.protocol import HANDLE, TASKS
from pointsman.testing.engine import Reply, ingress
from pointsman.topics import DEAD_LETTERS, RESPONSES
from pointsman.wire.spec import signature_to_pb
from tests.protocol.world import (
    Doubling,
    Shard,
    asked,
    asked_json,
    error_of,
    letter,
    output,
    response,
    task_batch,
    tensors,
)


def row(*values: float) -> Any:
    return asked(tensors=tensors(np.array([values], "f4")))


def answers(reply: Reply) -> dict[str, Any]:
    """Return outputs or error code by request id."""
    found: dict[str, Any] = {}
    for record in reply.to(RESPONSES):
        error = error_of(record)
        found[response(record).id] = error["code"] if error else output(record)
    return found


def handle(generation: int = 5, signature: Signature | None = None) -> bytes:
    message = serving_pb2.Handle(model="digits", version="1", generation=generation)
    message.spec.uri = "python:a:B"
    if signature is not None:
        message.spec.signature.CopyFrom(signature_to_pb(signature))
    return message.SerializeToString()


def test_tasks_run_as_one_batch_and_each_gets_its_own_answer() -> None:
    shard = Shard()
    reply = shard.serve(row(1, 2), row(3, 4), row(5, 6))
    assert answers(reply) == {"t0": [2, 4], "t1": [6, 8], "t2": [10, 12]}
    assert [len(one) for one in shard.runner.batches] == [3]
    assert [record.key for record in reply.to(RESPONSES)] == ["k0", "k1", "k2"]
    assert reply.to(DEAD_LETTERS) == []


def test_an_answer_says_who_gave_it() -> None:
    record = asked(context=b"ctx", traceparent="00-1")
    (answer,) = Shard().serve(record).to(RESPONSES)
    found = response(answer)
    assert (found.model, found.version, found.arm, found.epoch, found.decision_id) == (
        "digits",
        "1",
        "1",
        7,
        "d0",
    )
    assert (found.context, found.traceparent) == (b"ctx", "00-1")
    assert (found.timings.compute_us, found.timings.batch_rows, found.timings.queued_us) == (11, 1, 0)


def test_the_time_in_the_queue_counts_from_the_oldest_record() -> None:
    shard = Shard()
    shard.now += 30
    reply = shard.serve(asked(), ingress(asked().value, timestamp_ms=1_000_010))
    assert {response(record).timings.queued_us for record in reply.to(RESPONSES)} == {30_000}


def test_answers_go_to_the_output_topic_of_their_batch() -> None:
    reply = Shard().serve(row(1, 2), row(1, 2, 3), output="mine")
    assert [record.topic for record in reply.records] == [DEAD_LETTERS, "mine", "mine"] or {
        record.topic for record in reply.records
    } == {"mine", DEAD_LETTERS}


def test_several_batches_of_one_call_are_all_served() -> None:
    shard = Shard()
    reply = shard.call((TASKS, task_batch(row(1, 2))), (TASKS, task_batch(row(3, 4), row(5, 6))))
    assert len(reply.to(RESPONSES)) == 3
    assert shard.totals.done == 3


BAD: list[tuple[Any, str]] = [
    (row(1, 2, 3), "has shape [1, 3]"),
    (asked(tensors=tensors(np.ones((1, 2), "f8"))), "is FP64, the model takes FP32"),
    (asked(tensors=tensors(np.ones(2, "f4"))), "has shape [2]"),
    (asked(tensors=tensors(np.ones((0, 2), "f4"))), "holds no row"),
    (asked(tensors=tensors(name="z")), "input 'x' is missing"),
    (asked(tensors=inference_pb2.Tensors()), "holds no tensor"),
    (asked(tensors=None, unit="u"), "holds no payload"),
    (asked(tensors=None, json=b"nonsense"), "malformed"),
    (
        asked(tensors={"tensors": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "raw": b"123"}]}),
        "needs 8 bytes",
    ),
    (
        asked(tensors={"tensors": [{"name": "x", "datatype": "FP31", "shape": [1, 2], "raw": b""}]}),
        "unknown datatype",
    ),
    (
        asked(tensors={"tensors": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "reference": "k"}]}),
        "reference",
    ),
    (ingress(b"\xff\xff"), "not an InferenceRequest"),
]


@pytest.mark.parametrize(("bad", "words"), BAD, ids=[words for _, words in BAD])
def test_a_request_that_does_not_fit_is_refused_alone(bad: Any, words: str) -> None:
    shard = Shard()
    reply = shard.serve(row(1, 2), bad, row(3, 4))
    found = answers(reply)
    assert (found["t0"], found["t2"]) == ([2, 4], [6, 8])
    error = error_of(reply.to(RESPONSES)[0])
    assert words in error["message"]
    assert not error["retryable"]
    (aside,) = reply.to(DEAD_LETTERS)
    assert letter(aside).ingress == bad
    assert (letter(aside).id, letter(aside).version) == ("t1", "1")
    assert (shard.totals.done, shard.totals.failed) == (3, 1)


def test_nan_goes_through_the_model_and_back() -> None:
    reply = Shard().serve(row(float("nan"), 1), asked_json({"instances": [[1, 2]]}))
    assert np.isnan(output(reply.to(RESPONSES)[0])[0])


def test_nan_is_null_in_json() -> None:
    class Nan(Doubling):
        def results(self, items: Sequence[Item]) -> list[Result]:
            return [{"y": np.array([[np.nan, 1]])} for _ in items]

    (answer,) = Shard(Nan()).serve(asked_json({"inputs": [_oip(1, 2)]})).to(RESPONSES)
    assert json.loads(answer.value)["outputs"][0]["data"] == [None, 1.0]


def _oip(*values: float) -> dict[str, Any]:
    return {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": list(values)}


def test_each_json_form_is_answered_in_its_own() -> None:
    bodies: list[dict[str, Any]] = [
        {"inputs": [_oip(1, 2)], "context": {"a": 1}},
        {"instances": [[3, 4]]},
        {"a": 5, "b": 6, "context": "c"},
    ]
    reply = Shard().serve(*[asked_json(body) for body in bodies], row(7, 8), features=["a", "b"])
    oip, instances, flat, plain = reply.to(RESPONSES)
    assert json.loads(oip.value)["outputs"][0]["data"] == [2.0, 4.0]
    assert (json.loads(oip.value)["context"], json.loads(oip.value)["parameters"]["decision_id"]) == (
        {"a": 1},
        "d0",
    )
    assert json.loads(instances.value)["predictions"] == [[6.0, 8.0]]
    assert json.loads(flat.value)["outputs"][0]["data"] == [10.0, 12.0]
    assert json.loads(flat.value)["context"] == "c"
    assert output(plain) == [14, 16]


def test_a_refused_json_request_gets_json_with_its_context() -> None:
    (answer,) = Shard().serve(asked_json({"instances": [["x"]], "context": 3})).to(RESPONSES)
    tree = json.loads(answer.value)
    assert (tree["error"]["code"], tree["context"], tree["id"]) == (INVALID_ARGUMENT, 3, "t0")


def test_a_task_past_its_deadline_is_not_computed() -> None:
    shard = Shard()
    reply = shard.serve(row(1, 2), deadline_ms=shard.now)
    assert answers(reply) == {"t0": DEADLINE_EXCEEDED}
    assert shard.runner.batches == []
    assert answers(shard.serve(row(1, 2), deadline_ms=shard.now + 1)) == {"t0": [2, 4]}


class Failing(Doubling):
    """A model with an answer of its own for each batch."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self._answer = answer

    async def run(self, _key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Give the answer, or raise it."""
        if isinstance(self._answer, Exception):
            raise self._answer
        results = [self._answer] * len(items) if isinstance(self._answer, Failure) else self._answer
        return Ran(list(results), 0, 0)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Failure(UNAVAILABLE, "not loaded in this pod yet"), UNAVAILABLE),
        (Failure(DEADLINE_EXCEEDED, "the forward pass hangs"), DEADLINE_EXCEEDED),
        (Failure(INTERNAL, "the model raised ValueError: no"), INTERNAL),
    ],
)
def test_a_failed_run_fails_every_task_of_the_batch(outcome: Failure, code: str) -> None:
    shard = Shard(Failing(outcome))
    reply = shard.serve(row(1, 2), row(3, 4))
    assert answers(reply) == {"t0": code, "t1": code}
    assert len(reply.to(DEAD_LETTERS)) == 2
    assert shard.totals.failed == 2


def test_one_failed_item_leaves_the_others_their_answers() -> None:
    outcome = [{"y": np.ones((1, 2), "f4")}, Failure(INTERNAL, "too few rows"), {"y": np.ones((1, 2), "f4")}]
    reply = Shard(Failing(outcome)).serve(row(1, 2), row(3, 4), row(5, 6))
    assert answers(reply) == {"t0": [1, 1], "t1": INTERNAL, "t2": [1, 1]}


@pytest.mark.parametrize(
    "outcome",
    [
        RuntimeError("a bug with /a/secret/path"),
        [],
        [{"y": np.ones((1, 2), "f4")}],
        [{"y": np.ones((1, 2), "f4")}] * 3,
        [{"y": np.ones((1, 2), "c8")}] * 2,
    ],
    ids=["raises", "none", "too few", "too many", "dtype"],
)
def test_a_runner_that_breaks_its_contract_still_leaves_one_answer_each(outcome: Any) -> None:
    shard = Shard(Failing(outcome))
    reply = shard.serve(row(1, 2), row(3, 4))
    assert sorted(response(record).id for record in reply.to(RESPONSES)) == ["t0", "t1"]
    assert not any("secret" in error_of(record).get("message", "") for record in reply.to(RESPONSES))
    assert shard.totals.done == 2


def test_who_waits_and_may_retry_gets_no_dead_letter() -> None:
    shard = Shard(Failing(Failure(UNAVAILABLE, "later")))
    reply = shard.serve(asked(lane=inference_pb2.LANE_INTERACTIVE), asked())
    assert [letter(record).id for record in reply.to(DEAD_LETTERS)] == ["t1"]


def test_a_handle_is_kept_in_the_state_and_used_until_the_pod_knows_better() -> None:
    two = Signature((TensorSpec("x", "FP64", (-1, 1)),))
    shard = Shard(Doubling(signature=None))
    reply = shard.call((HANDLE, handle(signature=two)), (TASKS, task_batch(row(1, 2))))
    assert answers(reply) == {"t0": INVALID_ARGUMENT}
    assert serving_pb2.Handle.FromString(shard.address.state["handle"][1] or b"").generation == 5
    assert answers(shard.serve(row(1, 2))) == {"t0": INVALID_ARGUMENT}


def test_without_any_signature_what_has_rows_is_served() -> None:
    assert answers(Shard(Doubling(signature=None)).serve(row(1, 2, 3))) == {"t0": [2, 4, 6]}


def test_an_older_handle_does_not_replace_a_newer_one() -> None:
    shard = Shard()
    shard.call((HANDLE, handle(6)))
    shard.call((HANDLE, handle(5)))
    assert serving_pb2.Handle.FromString(shard.address.state["handle"][1] or b"").generation == 6


def test_the_state_of_a_shard_is_small() -> None:
    shard = Shard()
    shard.call((HANDLE, handle(signature=Signature((TensorSpec("x", "FP32", (-1, 2)),)))))
    for _ in range(20):
        shard.serve(*[row(1, 2)] * 20)
    assert sum(len(value or b"") for _, value in shard.address.state.values()) < 300


@pytest.mark.parametrize("typename", [TASKS, HANDLE, "pointsman.v1/Tick", "other/Type"])
def test_a_message_that_is_no_message_is_passed_over(typename: str) -> None:
    shard = Shard()
    reply = shard.call((typename, b"\xff\xff\xff"), (TASKS, task_batch(row(1, 2))))
    assert answers(reply) == {"t0": [2, 4]}
