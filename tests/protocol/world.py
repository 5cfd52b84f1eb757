"""A router and model shards as bytes see them, with short ways to say what happens to them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pointsman.core.table import RouteTable
from pointsman.core.tensor import Array, Item, Signature, TensorSpec
from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2, ingress_pb2, routing_pb2, serving_pb2
from pointsman.runtimes.base import Key, Result
from pointsman.runtimes.host import Ran
from pointsman.settings import Settings
from pointsman.statefun.backlog_fn import BacklogFunction
from pointsman.statefun.claims import Claims
from pointsman.statefun.model_fn import ModelFunction
from pointsman.statefun.protocol import CONTROL, REQUESTS, STATUS, TASKS
from pointsman.statefun.router_fn import RouterFunction
from pointsman.statefun.server import FunctionServer
from pointsman.statefun.window_fn import WindowFunction
from pointsman.stores.memory_blobs import MemoryBlobs
from pointsman.testing.engine import Address, Record, Reply, Sent, batch, ingress
from pointsman.testing.job import Job
from pointsman.topics import CONTROL as CONTROL_TOPIC
from pointsman.topics import EVENTS
from pointsman.topics import STATUS as STATUS_TOPIC
from pointsman.wire.state import table_from_bytes
from pointsman.wire.tensors import tensor_to_pb

JSON, PROTOBUF = ingress_pb2.FORMAT_JSON, ingress_pb2.FORMAT_PROTOBUF
ROW = Signature((TensorSpec("x", "FP32", (-1, 2)),))
MODEL = {
    "model": "digits",
    "versions": {"1": {"uri": "python:a:One"}, "2": {"uri": "python:a:Two"}},
    "route": {"split": {"1": 90, "2": 10}},
}


def tensors(array: Array | None = None, name: str = "x") -> inference_pb2.Tensors:
    """Return one tensor, by default a row that the model takes."""
    tensor = tensor_to_pb(name, np.ones((1, 2), "f4") if array is None else array)
    assert not isinstance(tensor, Failure)
    return inference_pb2.Tensors(tensors=[tensor])


def request(request_id: str = "", array: Array | None = None, **fields: Any) -> bytes:
    """Return a protobuf request."""
    fields.setdefault("tensors", tensors(array))
    return inference_pb2.InferenceRequest(id=request_id, **fields).SerializeToString()


def asked(request_id: str = "", **fields: Any) -> ingress_pb2.Ingress:
    """Return a record with a protobuf request, under the key of the model."""
    return ingress(request(request_id, **fields), key=b"digits")


def asked_json(body: Mapping[str, Any] | bytes, **fields: Any) -> ingress_pb2.Ingress:
    """Return a record with a JSON request, under the key of the model."""
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    topic = {"topic": "pointsman.requests.json", "format": JSON, "key": b"digits"}
    return ingress(value, **{**topic, **fields})


def control(
    command: Mapping[str, Any] | bytes, key: bytes = b"digits", offset: int = 0
) -> ingress_pb2.Ingress:
    """Return a record with a command."""
    value = command if isinstance(command, bytes) else json.dumps(command).encode()
    return ingress(value, topic=CONTROL_TOPIC, format=JSON, key=key, offset=offset)


def said(
    table: RouteTable, states: Mapping[str, int], *, pod: str = "p1", at_ms: int = 1_000_000, **fields: Any
) -> ingress_pb2.Ingress:
    """Return a record with a pod's word on versions in their current generation."""
    status = serving_pb2.PodStatus(
        pod=pod, **{"pool": "default", "model": table.model, "at_ms": at_ms, **fields}
    )
    for version, state in states.items():
        status.held.add(version=version, generation=table.versions[version].generation, state=state)
    return ingress(status.SerializeToString(), topic=STATUS_TOPIC, key=table.model.encode())


def error_of(record: Record) -> dict[str, Any]:
    """Return the error of a response in either format; empty for an answer."""
    if record.value[:1] == b"{":
        found: dict[str, Any] = json.loads(record.value).get("error", {})
        return found
    response = inference_pb2.InferenceResponse.FromString(record.value)
    if not response.HasField("error"):
        return {}
    error = response.error
    return {"code": error.code, "message": error.message, "retryable": error.retryable, "field": error.field}


def response(record: Record) -> inference_pb2.InferenceResponse:
    """Return a protobuf response."""
    return inference_pb2.InferenceResponse.FromString(record.value)


def output(record: Record) -> list[Any]:
    """Return the elements of the only output."""
    (tensor,) = response(record).outputs.tensors
    elements: list[Any] = np.frombuffer(tensor.raw, "f4").tolist()
    return elements


def letter(record: Record) -> inference_pb2.DeadLetter:
    """Return a dead letter."""
    return inference_pb2.DeadLetter.FromString(record.value)


def tasks(sent: Iterable[Sent]) -> dict[str, list[str]]:
    """Return the request ids by the shard they were sent to."""
    found: dict[str, list[str]] = {}
    for message in sent:
        if message.typename == TASKS:
            taken = [task.id for task in serving_pb2.TaskBatch.FromString(message.value).tasks]
            found.setdefault(message.target, []).extend(taken)
    return found


def taken(reply: Reply) -> list[str]:
    """Return the request ids that were sent to any shard."""
    return [one for ids in tasks(reply.sent).values() for one in ids]


class Router:
    """The router of one model."""

    def __init__(self, model: str = "digits", blobs: MemoryBlobs | None = None, **settings: Any) -> None:
        self.now = 1_000_000
        self.settings = Settings(**{"check_artifacts": False, **settings})
        claims = Claims(blobs, self.settings.kept_bytes)
        self.function = RouterFunction(self.settings, lambda: self.now, claims)
        server = FunctionServer()
        server.bind("pointsman", "router", self.function)
        self.address = Address(server, "pointsman", "router", model)

    @property
    def table(self) -> RouteTable:
        """The table as it stands in the state."""
        value = self.address.state["table"][1]
        assert value is not None
        return table_from_bytes(value)

    @property
    def arms(self) -> serving_pb2.Arms:
        """What was sent to each shard and what came back."""
        return serving_pb2.Arms.FromString(self.address.state["arms"][1] or b"")

    @property
    def pods(self) -> list[str]:
        """The pods whose words are kept."""
        words = serving_pb2.Pods.FromString(self.address.state["pods"][1] or b"")
        return [word.pod for word in words.pods]

    def call(self, *messages: tuple[str, bytes]) -> Reply:
        """Send messages in one call."""
        return self.address.call(*messages)

    def obey(self, command: Mapping[str, Any] | bytes, **fields: Any) -> Reply:
        """Send a command."""
        return self.call((CONTROL, batch(control(command, **fields))))

    def hear(self, states: Mapping[str, int], typename: str = STATUS, **fields: Any) -> Reply:
        """Send a pod's word."""
        return self.call((typename, batch(said(self.table, states, **{"at_ms": self.now, **fields}))))

    def ask(self, *records: ingress_pb2.Ingress) -> Reply:
        """Send requests in one run."""
        return self.call((REQUESTS, batch(*records)))

    def serving(self, model: Mapping[str, Any] = MODEL) -> Router:
        """Apply a model and let all its versions become ready."""
        self.obey(model)
        self.hear(dict.fromkeys(self.table.versions, routing_pb2.READY))
        return self


def events(reply: Reply) -> list[dict[str, Any]]:
    """Return the events of a reply."""
    return [json.loads(record.value) for record in reply.to(EVENTS)]


class Doubling:
    """A model: every element twice. `results` changes what it gives."""

    def __init__(self, signature: Signature | None = ROW) -> None:
        self._signature = signature
        self.batches: list[list[Array]] = []

    def signature(self, _key: Key) -> Signature | None:
        """Return the signature."""
        return self._signature

    def results(self, items: Sequence[Item]) -> list[Result]:
        """Return the outputs of a batch."""
        return [{"y": item["x"] * 2} for item in items]

    async def run(self, _key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
        """Run a batch and remember it."""
        self.batches.append([item["x"] for item in items])
        return Ran(self.results(items), 11, len(items))


class Shard:
    """One shard of version 1, generation 5."""

    def __init__(self, runner: Doubling | None = None, blobs: MemoryBlobs | None = None) -> None:
        self.now = 1_000_000
        self.moved_epoch = 0  # the last epoch that shifted the traffic
        self.runner = runner or Doubling()
        server = FunctionServer()
        function = ModelFunction(
            self.runner, Claims(blobs, 1 << 20), lambda: self.now, lambda _, epoch: epoch < self.moved_epoch
        )
        server.bind("models", "*", function)
        self.address = Address(server, "models", "default", "digits~1~0")

    @property
    def totals(self) -> serving_pb2.BatchReport:
        """The shard's totals in its state."""
        return serving_pb2.BatchReport.FromString(self.address.state["totals"][1] or b"")

    def call(self, *messages: tuple[str, bytes]) -> Reply:
        """Send messages in one call."""
        return self.address.call(*messages)

    def serve(self, *records: ingress_pb2.Ingress, **fields: Any) -> Reply:
        """Send records as one batch of tasks."""
        return self.call((TASKS, task_batch(*records, **fields)))


def task_batch(
    *records: ingress_pb2.Ingress, deadline_ms: int = 0, drawn: Iterable[int] = (), **fields: Any
) -> bytes:
    """Return a batch of tasks t0, t1, ...; `drawn` are those that the split decided."""
    by_split = set(drawn)
    head = {"model": "digits", "version": "1", "arm": "1", "epoch": 7, "generation": 5}
    message = serving_pb2.TaskBatch(**{**head, "output": "pointsman.responses", **fields})
    for index, record in enumerate(records):
        message.tasks.add(
            id=f"t{index}",
            decision_id=f"d{index}",
            reply_key=f"k{index}",
            deadline_ms=deadline_ms,
            drawn=index in by_split,
            ingress=record.SerializeToString(),
        )
    return message.SerializeToString()


def job(runner: Doubling | None = None, **settings: Any) -> Job:
    """Return a job of router, windows and models."""
    server = FunctionServer()
    made = Job(server)
    settings = {"check_artifacts": False, **settings}
    server.bind("pointsman", "router", RouterFunction(Settings(**settings), made.clock))
    server.bind("pointsman", "backlog", BacklogFunction(made.cursor))
    server.bind("pointsman", "window", WindowFunction(Settings(**settings), made.clock))
    server.bind("models", "*", ModelFunction(runner or Doubling(), Claims(None), made.clock))
    return made
