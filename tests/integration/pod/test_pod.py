"""A pod process against a real broker."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from pointsman import settings as settings_room
from pointsman import topics
from pointsman.core.spec import VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState
from pointsman.localstack.ports import reserve
from pointsman.pb.v1 import routing_pb2, serving_pb2
from pointsman.settings import Settings
from pointsman.wire.state import table_to_bytes
from tests.unit.runtimes import classes

Statuses = dict[str, serving_pb2.PodStatus]


@pytest.fixture
def fresh(kafka: str) -> str:
    """Return the broker, with the models of other tests gone from its routes."""
    producer = Producer({"bootstrap.servers": kafka})
    for model in ("double", "broken", "gone"):
        producer.produce(topics.ROUTES, None, model.encode())
    assert producer.flush(10) == 0
    return kafka


class Status:
    """What the pods of a broker said from now on; the last word per model."""

    def __init__(self, kafka: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": kafka, "group.id": "test"})
        until(lambda: self._end() is not None)
        self._consumer.assign([TopicPartition(topics.STATUS, 0, self._end() or 0)])
        self.last: Statuses = {}

    def _end(self) -> int | None:
        try:
            watermarks = self._consumer.get_watermark_offsets(TopicPartition(topics.STATUS, 0), timeout=10)
        except KafkaException:
            return None  # a topic that was just created has no leader yet
        return int(watermarks[1])

    def until(self, condition: Callable[[Statuses], bool], limit_s: float = 60) -> Statuses:
        """Read on until the last words fulfil the condition, and return them."""
        end = time.monotonic() + limit_s
        while not condition(self.last):
            assert time.monotonic() < end, self.last
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                status = serving_pb2.PodStatus.FromString(message.value())
                self.last[status.model] = status
        return self.last

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


@pytest.fixture
def status(fresh: str) -> Iterator[Status]:
    status = Status(fresh)
    yield status
    status.close()


Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start(fresh: str, port: int, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        settings = Settings(kafka=fresh, port=port, pool="doubles", heartbeat_ms=500)
        environment = {**os.environ, **settings_room.environment(settings)}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        with (tmp_path / "pod.log").open("ab") as log:
            command = [sys.executable, "-m", "pointsman.pod"]
            started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def port() -> int:
    reservation = reserve()
    reservation.release()
    return reservation.port


def publish(kafka: str, model: str, *versions: str, uri: str = "", generation: int = 1) -> None:
    spec = VersionSpec(uri or f"python:{classes.__name__}:Doubler", "python", pool="doubles")
    entries = {name: VersionEntry(name, spec, VersionState.REGISTERED, generation) for name in versions}
    table = RouteTable(model, versions=entries)
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(topics.ROUTES, table_to_bytes(table), model.encode())
    assert producer.flush(10) == 0


def states(statuses: Statuses, model: str) -> dict[str, str]:
    held = statuses[model].held if model in statuses else ()
    return {one.version: routing_pb2.VersionState.Name(one.state) for one in held}


def test_versions_follow_the_routes_topic(fresh: str, start: Start, status: Status) -> None:
    publish(fresh, "double", "1")  # before the pod is there
    publish(fresh, "broken", "1", uri="python:no.such:Model")
    start()
    said = status.until(
        lambda last: states(last, "double") == {"1": "READY"} and states(last, "broken") == {"1": "FAILED"}
    )
    [ready] = said["double"].held
    assert ready.signature.inputs[0].name == "x"
    assert ready.footprint > 0
    assert "cannot be imported" in said["broken"].held[0].reason

    publish(fresh, "double", "1", "2")
    status.until(lambda last: states(last, "double") == {"1": "READY", "2": "READY"})
    publish(fresh, "double", "2")
    status.until(lambda last: states(last, "double") == {"2": "READY"})


def test_the_pod_is_ready_once_it_knows_what_to_hold(start: Start, port: int) -> None:
    start()
    until(lambda: health(port) == 200)


def test_a_pod_that_ends_says_so(fresh: str, start: Start, status: Status) -> None:
    publish(fresh, "double", "1")
    process = start()
    status.until(lambda last: states(last, "double") == {"1": "READY"})
    process.terminate()
    assert process.wait(20) == 0
    status.until(lambda last: last["double"].leaving)


def test_a_killed_worker_comes_back_under_another_name(fresh: str, start: Start, status: Status) -> None:
    publish(fresh, "double", "1")
    process = start()
    status.until(lambda last: states(last, "double") == {"1": "READY"})
    first = status.last["double"].pod
    os.kill(worker_of(process.pid), signal.SIGKILL)
    status.until(lambda last: last["double"].pod != first and states(last, "double") == {"1": "READY"})


def test_no_process_of_a_model_outlives_a_killed_pod(fresh: str, start: Start, status: Status) -> None:
    publish(fresh, "double", "1")
    process = start()
    status.until(lambda last: states(last, "double") == {"1": "READY"})
    model = child_of(worker_of(process.pid))
    process.kill()
    until(lambda: not Path(f"/proc/{model}").exists())


def test_a_model_that_was_deleted_is_released(fresh: str, start: Start, status: Status) -> None:
    publish(fresh, "gone", "1")
    start()
    status.until(lambda last: states(last, "gone") == {"1": "READY"})
    producer = Producer({"bootstrap.servers": fresh})
    producer.produce(topics.ROUTES, None, b"gone")
    assert producer.flush(10) == 0
    status.until(lambda last: not last["gone"].held)


def worker_of(supervisor: int) -> int:
    [worker] = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return int(worker)


def child_of(worker: int) -> int:
    [child] = [
        pid for tasks in Path(f"/proc/{worker}/task").glob("*/children") for pid in tasks.read_text().split()
    ]
    return int(child)


def health(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def until(condition: Callable[[], bool], limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.05)
