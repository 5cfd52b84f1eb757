"""What could not be served is served later, under its id, without being asked for again."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from redis import Redis
from typer.testing import CliRunner

from pointsman.cli.main import app
from pointsman.errors import NOT_FOUND
from pointsman.localstack.stack import Stack
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.stores.redis_blobs import RedisBlobs
from tests.e2e.bench import Bench, scale


def until(condition: Callable[[], bool], limit_s: float = 30) -> None:
    """Return once the condition holds."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


def seconds_left(stack: Stack, key: str) -> int:
    """Return how long a key of the stack's Redis still lives."""
    with Redis.from_url(stack.record.redis) as redis:
        return int(redis.ttl(key))


def listed(stack: Stack, *arguments: str) -> list[dict[str, Any]]:
    """Return the letters that `list` tells of."""
    return [json.loads(line) for line in run(stack, "list", "--json", *arguments).splitlines()]


def run(stack: Stack, *arguments: str) -> str:
    """Run a command of `pointsman dead-letters` on the stack and return what it printed."""
    result = CliRunner().invoke(app, ["dead-letters", *arguments, "--kafka", stack.kafka])
    assert result.exit_code == 0, result.output
    return result.output


def test_letters_of_a_version_that_was_missing_are_answered_once_it_is_there(
    bench: Bench, stack: Stack, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1)}, {"1": 1})
    sent = [f"{name}-{number}" for number in range(5)]
    for request_id in sent[:3]:
        bench.send(name, request_id, row, version="2")
    for request_id in sent[3:]:
        bench.send_json(request_id, {"id": request_id, "version": "2", "instances": row.tolist()}, key=name)
    bench.settled()
    assert {final.error for final in bench.ledger.finals.values()} == {NOT_FOUND}

    listed = run(stack, "list", "--model", name, "--json")
    assert all(request_id in listed for request_id in sent)
    assert f"id: {sent[0]}" in run(stack, "show", sent[0])
    assert "5 records would be sent" in run(
        stack, "replay", "--model", name, "--code", NOT_FOUND, "--dry-run"
    )

    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 0})
    bench.ledger.finals.clear()
    assert "5 of 5 records were sent" in run(stack, "replay", "--model", name)
    bench.settled()
    assert {final.version for final in bench.ledger.finals.values()} == {"2"}
    assert bench.ledger.finals.keys() == set(sent)
    np.testing.assert_array_equal(bench.outputs(sent[0])["y"], row * 2)


def test_a_replay_goes_to_the_version_that_the_split_had_chosen_unless_it_is_to_decide_anew(
    bench: Bench, stack: Stack, name: str
) -> None:
    moody = {"uri": "python:e2e_models:Moody", "runtime": "python"}
    bench.apply(name, {"1": moody, "2": moody, "3": scale(3)}, {"1": 1, "2": 1, "3": 0})
    sour = np.full((1, 4), -1, np.float32)
    sent = [f"{name}-{number}" for number in range(8)]
    for request_id in sent:
        bench.send(name, request_id, sour)
    bench.settled()
    chosen = {request_id: bench.ledger.finals[request_id].version for request_id in sent}
    assert set(chosen.values()) == {"1", "2"}
    assert bench.control({"model": name, "split": {"1": 0, "2": 0, "3": 1}}).ok

    bench.ledger.finals.clear()
    assert "8 of 8 records were sent" in run(stack, "replay", "--model", name)
    bench.settled()
    assert {request_id: bench.ledger.finals[request_id].version for request_id in sent} == chosen
    until(
        lambda: (
            {one["id"]: one["attempts"] for one in listed(stack, "--model", name)} == dict.fromkeys(sent, 2)
        )
    )

    bench.ledger.finals.clear()
    assert "8 of 8 records were sent" in run(stack, "replay", "--model", name, "--anew")
    bench.settled()
    assert {final.version for final in bench.ledger.finals.values()} == {"3"}
    assert listed(stack, "--model", name) == []


def test_tensors_by_reference_live_as_long_as_their_letter(
    bench: Bench, stack: Stack, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1)}, {"1": 1})

    async def stored() -> tuple[str, str]:
        blobs = RedisBlobs(stack.record.redis)
        try:
            return await blobs.put(row.tobytes(), 30), await blobs.put((row * 2).tobytes(), 30)
        finally:
            await blobs.close()

    keys = asyncio.run(stored())
    for number, key in enumerate(keys):
        tensor = pb.Tensor(name="x", datatype="FP32", shape=row.shape, reference=key)
        version = ("2", "1")[number]  # the router does not know version 2, and a pod refuses three columns
        if number:
            tensor.shape[1] = 3
        value = pb.InferenceRequest(id=f"{name}-{number}", version=version)
        value.tensors.tensors.append(tensor)
        bench.ledger.send(value.id, value.SerializeToString(), key=name.encode())
        until(lambda: seconds_left(stack, key) > 30 * 24 * 3600)  # noqa: B023 - it is asked at once
    bench.settled()
    shown = run(stack, "show", f"{name}-0", "--redis", stack.record.redis)
    assert "1 of 1 are there" in shown
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 0})
    bench.ledger.finals.clear()
    run(stack, "replay", f"{name}-0", "--redis", stack.record.redis)
    assert bench.ledger.wait(30, lambda: f"{name}-0" in bench.ledger.finals)
    np.testing.assert_array_equal(bench.outputs(f"{name}-0")["y"], row * 2)
    assert "2 letters purged" in run(stack, "purge", "--model", name, "--redis", stack.record.redis)
    assert all(seconds_left(stack, key) <= 900 for key in keys)


def test_a_letter_that_nobody_has_is_a_sentence(stack: Stack) -> None:
    result = CliRunner().invoke(app, ["dead-letters", "replay", "no-such-id", "--kafka", stack.kafka])
    assert result.exit_code != 0
    assert "no-such-id" in str(result.exception)
