"""Task batches: what the router sends to a shard and what the shard reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from google.protobuf.message import DecodeError

from pointsman.core.batching import cut
from pointsman.core.table import VersionEntry
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.v1 import inference_pb2, ingress_pb2, serving_pb2
from pointsman.wire.head import JSON, PROTOBUF, Head

# A batch is cut at this size, so that one message stays far below every limit.
MAX_BATCH_BYTES = 1 << 20


Batch: TypeAlias = serving_pb2.DeepTaskBatch | serving_pb2.TaskBatch


class Work(NamedTuple):
    """One task as the model function sees it. Exactly one of `request`, `json` and `fault` is meant.

    `task` has id, decision_id, reply_key, deadline_ms, attempt and drawn.
    """

    task: serving_pb2.DeepTask | serving_pb2.Task
    request: inference_pb2.InferenceRequest | None
    json: bytes
    fault: Failure | None
    format: int

    @property
    def interactive(self) -> bool:
        """Whether somebody waits for the answer."""
        return self.request is not None and self.request.lane == inference_pb2.LANE_INTERACTIVE


class Sender(NamedTuple):
    """What is equal for all tasks of a batch."""

    model: str
    entry: VersionEntry
    epoch: int
    output: str
    egress: str
    features: tuple[str, ...]
    at_ms: int
    is_pressed: bool
    arm: str
    fallback: str


def task_batches(
    sender: Sender, work: Sequence[tuple[Head, int, str, bool]], raw: Sequence[bytes]
) -> Iterator[tuple[bytes, int]]:
    """Yield (serialised TaskBatch, tasks) for work as (head, index in raw, decision id, drawn)."""
    for part in cut([len(raw[index]) for _, index, _, _ in work], MAX_BATCH_BYTES):
        batch = _new_batch(sender)
        for head, index, decision_id, drawn in work[part]:
            batch.tasks.add(
                id=head.id,
                decision_id=decision_id,
                reply_key=head.reply_key,
                deadline_ms=head.deadline_ms,
                drawn=drawn,
                ingress=raw[index],
            )
        yield batch.SerializeToString(), len(batch.tasks)


def _new_batch(sender: Sender) -> serving_pb2.TaskBatch:
    return serving_pb2.TaskBatch(
        model=sender.model,
        version=sender.entry.version,
        arm=sender.arm,
        epoch=sender.epoch,
        generation=sender.entry.generation,
        output=sender.output,
        egress=sender.egress,
        features=sender.features,
        at_ms=sender.at_ms,
        pressed=sender.is_pressed,
        fallback=sender.fallback,
    )


def read_tasks(value: bytes) -> tuple[Batch, list[Work]]:
    """Return the batch's own fields and its tasks, tensors reached where all records are protobuf."""
    try:
        deep = serving_pb2.DeepTaskBatch.FromString(value)
    except DecodeError:
        pass  # at least one record is not a request in protobuf: each is looked at alone
    else:
        work = [Work(task, task.ingress.value, b"", None, task.ingress.format) for task in deep.tasks]
        if all(one.format == PROTOBUF for one in work):
            return deep, work
    batch = serving_pb2.TaskBatch.FromString(value)
    return batch, [_alone(task) for task in batch.tasks]


def joining_head(value: bytes) -> object:
    """Return what tells one batch from another; batches with equal heads may be concatenated.

    A batch with features is like no other: they are repeated, and concatenation would append them.
    """
    try:
        head = _head(value)
    except DecodeError:
        return object()
    return object() if head.features else head.SerializeToString()


def _head(value: bytes) -> serving_pb2.TaskBatchHead:
    head = serving_pb2.TaskBatchHead.FromString(value)
    head.DiscardUnknownFields()
    return head


def tasks_of(value: bytes, indices: Collection[int], *, attempts: int = 0) -> bytes:
    """Return the batch with only the tasks at these indices, and so many more attempts in each."""
    batch = serving_pb2.TaskBatch.FromString(value)
    kept = [batch.tasks[index] for index in indices]
    rest = serving_pb2.TaskBatch.FromString(_head(value).SerializeToString())
    rest.tasks.extend(kept)
    for task in rest.tasks if attempts else ():
        task.attempt += attempts
    return rest.SerializeToString()


def read_records(value: bytes) -> list[bytes]:
    """Return the serialised Ingress behind each task of a serialised batch, for dead letters."""
    return [task.ingress for task in serving_pb2.TaskBatch.FromString(value).tasks]


def oldest_ms(batch: Batch) -> int:
    """Return the timestamp, 0 at least, of the batch's first record: it waited longest of its partition."""
    first = batch.tasks[0].ingress
    ingress = ingress_pb2.Ingress.FromString(first) if isinstance(first, bytes) else first
    return max(0, ingress.timestamp_ms)  # a producer may claim any time, and timings are 64 bits wide


def _alone(task: serving_pb2.Task) -> Work:
    ingress = ingress_pb2.Ingress.FromString(task.ingress)
    if ingress.format == JSON:
        return Work(task, None, ingress.value, None, JSON)
    try:
        request = inference_pb2.InferenceRequest.FromString(ingress.value)
    except DecodeError:
        fault = Failure(INVALID_ARGUMENT, "the value is not an InferenceRequest in protobuf")
        return Work(task, None, b"", fault, ingress.format)
    return Work(task, request, b"", None, ingress.format)
