"""Tasks on their way from the router to a shard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionEntry, VersionState
from pointsman.core.tensor import Array, Signature, TensorSpec
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.testing.engine import batch, ingress
from pointsman.wire import task
from pointsman.wire.decode import decode_work, uniform_items
from pointsman.wire.framing import framed
from pointsman.wire.head import JSON, read_heads, split_records
from pointsman.wire.task import Sender, Work, read_records, read_tasks, task_batches
from pointsman.wire.tensors import tensor_to_pb

ENTRY = VersionEntry("2", VersionSpec("u"), VersionState.READY, 5)
SENDER = Sender("m", ENTRY, 9, "responses", "once", ("a", "b"), 77, False, "1", "2")
ROW = Signature((TensorSpec("x", "FP32", (-1, 2)),))


def request(array: Array | None = None, name: str = "x", **fields: Any) -> bytes:
    message = pb.InferenceRequest(**fields)
    if array is not None:
        tensor = tensor_to_pb(name, array)
        assert isinstance(tensor, pb.Tensor)
        message.tensors.tensors.append(tensor)
    return message.SerializeToString()


def batches(*records: ingress_pb2.Ingress) -> list[tuple[bytes, int]]:
    value = batch(*records)
    work = [(head, index, f"d{index}", index % 2 == 0) for index, head in enumerate(read_heads(value))]
    return list(task_batches(SENDER, work, split_records(value)))


def works(*records: ingress_pb2.Ingress) -> list[Work]:
    ((value, _),) = batches(*records)
    return read_tasks(value)[1]


def test_a_batch_holds_its_sender_and_its_tasks_with_their_records() -> None:
    records = [ingress(request(id=f"r{n}", timeout_ms=n), offset=n, timestamp_ms=100) for n in range(3)]
    ((value, count),) = batches(*records)
    message = serving_pb2.TaskBatch.FromString(value)
    head = (message.model, message.version, message.arm, message.epoch, message.generation, message.output)
    assert head == ("m", "2", "1", 9, 5, "responses")
    assert message.fallback == "2"
    assert list(message.features) == ["a", "b"]
    assert [one.drawn for one in message.tasks] == [True, False, True]
    assert [(one.id, one.decision_id, one.deadline_ms) for one in message.tasks] == [
        ("r0", "d0", 0),
        ("r1", "d1", 101),
        ("r2", "d2", 102),
    ]
    assert [ingress_pb2.Ingress.FromString(record) for record in read_records(value)] == records
    assert count == 3


def test_a_large_run_is_cut_into_batches_below_their_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "MAX_BATCH_BYTES", 4_000)
    records = [ingress(request(id=f"r{n}", context=bytes(900))) for n in range(10)]
    parts = batches(*records)
    assert [count for _, count in parts] == [4, 4, 2]
    assert all(sum(map(len, read_records(value))) <= 4_000 for value, _ in parts)


def test_a_record_larger_than_a_batch_travels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "MAX_BATCH_BYTES", 4_000)
    records = [ingress(request(id=f"r{n}", context=bytes(4_000 + n))) for n in range(2)]
    assert [count for _, count in batches(*records)] == [1, 1]


def test_no_work_is_no_batch() -> None:
    assert batches() == []


@given(
    st.lists(
        st.sampled_from(["tensors", "json", "broken", "json-payload", "nothing"]), min_size=1, max_size=6
    )
)
def test_each_task_is_read_whatever_its_neighbours_are(kinds: list[str]) -> None:
    made = {
        "tensors": ingress(request(np.ones((1, 2), "f4"))),
        "json": ingress(b'{"instances": [[1, 1]]}', format=JSON),
        "json-payload": ingress(request(json=b'{"instances": [[1, 1]]}')),
        "broken": ingress(request(id="r") + framed(16, b"\x0a\x7fcut short")),
        "nothing": ingress(request(unit="u")),
    }
    for kind, one in zip(kinds, works(*[made[kind] for kind in kinds]), strict=True):
        item = decode_work(one, ROW, ())
        if kind in ("broken", "nothing"):
            assert isinstance(item, Failure)
            assert item.code == INVALID_ARGUMENT
        else:
            assert not isinstance(item, Failure)
            assert item["x"].tolist() == [[1.0, 1.0]]


def test_a_blob_is_one_element_of_bytes() -> None:
    (one,) = works(ingress(pb.InferenceRequest(blob=pb.Blob(data=b"\x89PNG")).SerializeToString()))
    item = decode_work(one, None, ())
    assert not isinstance(item, Failure)
    assert item["input"].tolist() == [b"\x89PNG"]
    signature = Signature((TensorSpec("image", "BYTES", (-1,)),))
    assert list(decode_work(one, signature, ())) == ["image"]  # type: ignore[arg-type]


def test_a_reference_that_was_not_fetched_is_told_apart() -> None:
    message = pb.InferenceRequest()
    message.tensors.tensors.add(name="x", datatype="FP32", shape=[1, 2], reference="key")
    (one,) = works(ingress(message.SerializeToString()))
    failure = decode_work(one, ROW, ())
    assert isinstance(failure, Failure)
    assert failure.code == FAILED_PRECONDITION


def test_a_request_without_tensors_is_refused() -> None:
    (one,) = works(ingress(pb.InferenceRequest(tensors=pb.Tensors()).SerializeToString()))
    failure = decode_work(one, ROW, ())
    assert isinstance(failure, Failure)
    assert failure.field == "tensors"


@pytest.mark.parametrize("lane", [pb.LANE_STREAM, pb.LANE_INTERACTIVE])
def test_a_task_knows_whether_somebody_waits(lane: int) -> None:
    (one,) = works(ingress(request(lane=lane)))
    assert one.interactive == (lane == pb.LANE_INTERACTIVE)


arrays = st.sampled_from(
    [
        np.ones((1, 2), "f4"),
        np.full((1, 2), 7, "f4"),
        np.ones((2, 2), "f4"),
        np.ones((1, 3), "f4"),
        np.ones((0, 2), "f4"),
        np.ones((1, 2), "f8"),
        np.ones(2, "f4"),
    ]
)


@given(st.lists(arrays, min_size=1, max_size=4), st.sampled_from(["x", "y"]), st.sampled_from([ROW, None]))
def test_the_short_cut_for_equal_tensors_reads_what_the_long_way_reads(
    some: list[Array], name: str, signature: Signature | None
) -> None:
    work = works(*[ingress(request(array, name)) for array in some])
    items = uniform_items(work, signature)
    if items is not None:
        slow = [decode_work(one, signature, ()) for one in work]
        for fast, one in zip(items, slow, strict=True):
            assert not isinstance(one, Failure)
            assert np.array_equal(fast["x"], one["x"])
            assert fast["x"].shape == one["x"].shape


def test_the_short_cut_is_taken() -> None:
    work = works(*[ingress(request(np.full((1, 2), n, "f4"))) for n in range(3)])
    items = uniform_items(work, ROW)
    assert items is not None
    assert [item["x"].tolist() for item in items] == [[[0, 0]], [[1, 1]], [[2, 2]]]


@pytest.mark.parametrize(("claimed", "oldest"), [(-(10**18), 0), (-1, 0), (7, 7)])
def test_a_record_from_before_all_time_counts_as_old(claimed: int, oldest: int) -> None:
    record = ingress(request(np.ones((1, 2), "f4")))
    record.timestamp_ms = claimed
    for kind in (record, ingress(b"{}", format=JSON, timestamp_ms=claimed)):
        ((value, _),) = batches(kind)
        assert task.oldest_ms(read_tasks(value)[0]) == oldest
