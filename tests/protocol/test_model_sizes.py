"""Byte budgets of answers: a record too large becomes a reference, a reply too large stops growing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from pointsman.core.tensor import Item
from pointsman.errors import FAILED_PRECONDITION, RESOURCE_EXHAUSTED, UNAVAILABLE
from pointsman.pb.v1 import inference_pb2
from pointsman.runtimes.base import Result
from pointsman.statefun import model_fn
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import TASKS
from pointsman.stores.memory_blobs import MemoryBlobs
from pointsman.topics import DEAD_LETTERS, MAX_OUTPUT_BYTES, RESPONSES
from tests.protocol.world import (
    Doubling,
    Shard,
    asked,
    asked_json,
    error_of,
    output,
    response,
    task_batch,
    tensors,
)


class Sized(Doubling):
    """A model whose outputs have so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def results(self, items: Sequence[Item]) -> list[Result]:
        """Return zeros."""
        return [{"y": np.zeros((1, self._size), "u1")} for _ in items]


def overhead() -> int:
    """Return the bytes of a response and its key beside a large output."""
    size = 3_000_000
    (record,) = Shard(Sized(size)).serve(asked()).to(RESPONSES)
    return len(record.value) + len(record.key) - size


LARGEST = MAX_OUTPUT_BYTES - 1_024


@pytest.mark.parametrize("more", [0, 1])
def test_an_answer_goes_whole_up_to_the_limit_and_as_a_reference_one_byte_beyond(more: int) -> None:
    blobs = MemoryBlobs()
    size = LARGEST - overhead() + more
    (record,) = Shard(Sized(size), blobs).serve(asked()).to(RESPONSES)
    assert len(record.value) + len(record.key) <= LARGEST
    (tensor,) = response(record).outputs.tensors
    assert (len(tensor.raw), bool(tensor.reference)) == ((0, True) if more else (size, False))
    assert (tensor.name, tensor.datatype, list(tensor.shape)) == ("y", "UINT8", [1, size])
    if more:
        assert len(blobs._blobs[tensor.reference][1]) == size


def test_without_a_store_an_answer_beyond_the_limit_is_an_error() -> None:
    reply = Shard(Sized(LARGEST)).serve(asked(), asked())
    assert [error_of(record)["code"] for record in reply.to(RESPONSES)] == [RESOURCE_EXHAUSTED] * 2


def test_json_has_no_references() -> None:
    reply = Shard(Sized(3_000_000), MemoryBlobs()).serve(asked_json({"instances": [[1, 2]]}))
    assert error_of(reply.to(RESPONSES)[0])["code"] == RESOURCE_EXHAUSTED


class Broken(MemoryBlobs):
    """A store that does not answer."""

    async def put(self, value: bytes, ttl_s: int) -> str:
        """Fail."""
        raise ConnectionError("no store at secret-host")

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Fail."""
        raise ConnectionError("no store at secret-host")


def test_a_store_that_fails_makes_an_error_to_be_tried_again() -> None:
    (record,) = Shard(Sized(LARGEST), Broken()).serve(asked()).to(RESPONSES)
    error = error_of(record)
    assert (error["code"], error["retryable"]) == (UNAVAILABLE, True)
    assert "secret" not in error["message"]


def by_reference(key: str) -> Any:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "reference": key}
    return asked(tensors={"tensors": [tensor]})


class Counting(MemoryBlobs):
    """A store that counts its round trips."""

    def __init__(self) -> None:
        super().__init__()
        self.trips: list[int] = []

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Count, and get."""
        self.trips.append(len(keys))
        return await super().get_many(keys)


async def _put(blobs: MemoryBlobs, *rows: tuple[float, float]) -> list[str]:
    return [await blobs.put(np.array([row], "f4").tobytes(), 60) for row in rows]


def stored(blobs: MemoryBlobs, *rows: tuple[float, float]) -> list[str]:
    import asyncio

    return asyncio.run(_put(blobs, *rows))


def test_referenced_inputs_are_fetched_for_the_whole_batch_at_once() -> None:
    blobs = Counting()
    keys = stored(blobs, (1, 2), (3, 4))
    reply = Shard(blobs=blobs).serve(by_reference(keys[0]), asked(), by_reference(keys[1]))
    assert [output(record) for record in reply.to(RESPONSES)] == [[2, 4], [2, 2], [6, 8]]
    assert blobs.trips == [2]


def test_a_reference_that_expired_is_refused_alone_and_asked_for_once() -> None:
    blobs = Counting()
    (key,) = stored(blobs, (1, 2))
    reply = Shard(blobs=blobs).serve(*[by_reference(f"gone-{n}") for n in range(5)], by_reference(key))
    codes = sorted(error_of(record).get("code", "") for record in reply.to(RESPONSES))
    assert codes == ["", *[FAILED_PRECONDITION] * 5]
    assert blobs.trips == [6]


def test_a_store_that_cannot_be_reached_refuses_only_references_and_for_now() -> None:
    reply = Shard(blobs=Broken()).serve(by_reference("k"), asked(), by_reference("l"))
    codes = sorted(error_of(record).get("code", "") for record in reply.to(RESPONSES))
    assert codes == ["", UNAVAILABLE, UNAVAILABLE]


def spent_after(monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    monkeypatch.setattr(model_fn, "Effects", partial(Effects, budget))


def test_past_half_the_budget_the_rest_of_the_call_gets_small_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    spent_after(monkeypatch, 50_000)
    shard = Shard(Sized(20_000))
    reply = shard.call(*[(TASKS, task_batch(asked())) for _ in range(4)])
    codes = [error_of(record).get("code", "") for record in reply.to(RESPONSES)]
    assert codes == ["", "", RESOURCE_EXHAUSTED, RESOURCE_EXHAUSTED]
    assert len(reply.to(DEAD_LETTERS)) == 2


def test_past_half_the_budget_the_rest_of_a_batch_gets_small_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    spent_after(monkeypatch, 50_000)
    reply = Shard(Sized(20_000)).serve(*[asked()] * 10)
    codes = [error_of(record).get("code", "") for record in reply.to(RESPONSES)]
    assert codes == ["", ""] + [RESOURCE_EXHAUSTED] * 8
    assert sum(len(record.value) for record in reply.records) < 50_000


def test_a_json_answer_beyond_the_limit_is_told_in_json() -> None:
    reply = Shard(Sized(3_000_000)).serve(asked_json({"instances": [[1, 2]], "context": 1}))
    assert json.loads(reply.to(RESPONSES)[0].value)["context"] == 1


def test_a_request_of_the_largest_size_is_served() -> None:
    wide = np.ones((120_000, 2), "f4")
    (record,) = Shard().serve(asked(tensors=tensors(wide))).to(RESPONSES)
    assert response(record).outputs.tensors[0].shape == [120_000, 2]
    assert inference_pb2.InferenceResponse.FromString(record.value).error.code == ""
