"""Requests over HTTP and gRPC on the real engine, through two gateway processes on one port."""

from __future__ import annotations

import collections
import http.client
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pointsman.client import Prediction
from pointsman.client.grpc import Ask, GrpcClient, ModelVersion
from pointsman.client.http import HttpClient
from tests.e2e.asking import ask
from tests.e2e.bench import Bench, scale


def oip(row: np.ndarray, **more: object) -> dict[str, object]:
    tensor = {"name": "x", "shape": list(row.shape), "datatype": "FP32", "data": row.ravel().tolist()}
    return {"inputs": [tensor], **more}


def test_a_model_answers_over_http_and_says_who_decided(bench: Bench, name: str, row: np.ndarray) -> None:
    epoch = bench.apply(name, {"1": scale(3)}, {"1": 1})
    answer = ask(bench.stack, "POST", f"/v2/models/{name}/infer", oip(row, id="mine"))
    assert answer.status == 200, answer
    assert (answer.body["id"], answer.body["model_version"]) == ("mine", "1")
    [output] = answer.body["outputs"]
    assert (output["name"], output["shape"], output["data"]) == ("y", [1, 4], [3, 6, 9, 12])
    assert answer.headers["x-pointsman-version"] == "1"
    assert int(answer.headers["x-pointsman-epoch"]) >= epoch
    assert answer.headers["x-pointsman-decision"].startswith(f"{name}:1:")


def test_a_unit_gets_the_same_version_over_http_as_over_the_topics(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 50, "2": 50})
    units = [f"unit-{number}" for number in range(40)]
    for unit in units:
        bench.send(name, f"{name}-{unit}", row, unit=unit)
    bench.settled()
    by_topic = [bench.ledger.finals[f"{name}-{unit}"].version for unit in units]
    path = f"/v2/models/{name}/infer"
    by_http = [
        ask(bench.stack, "POST", path, oip(row), x_pointsman_unit=u).body["model_version"] for u in units
    ]
    assert by_http == by_topic
    assert len(set(by_http)) == 2


def test_the_same_row_has_the_same_answer_through_every_client(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(3), "2": scale(0.1)}, {"1": 50, "2": 50})
    inputs = {"x": row}
    units = [f"unit-{number}" for number in range(20)]
    url, grpc_url = bench.stack.record.http, f"grpc://{bench.stack.record.grpc}"
    with HttpClient(url, retries=9) as http_client, GrpcClient(grpc_url, retries=9) as grpc_client:
        by_kafka = [bench.predict(name, inputs, unit=unit) for unit in units]
        by_http = [http_client.predict(name, inputs, unit=unit, timeout=60) for unit in units]
        by_grpc = [grpc_client.predict(name, inputs, unit=unit, timeout=60) for unit in units]
        asks = [Ask(name, inputs, unit=unit) for unit in units]
        by_stream = list(grpc_client.stream(asks, timeout=60))
        assert grpc_client.metadata(name) == http_client.metadata(name)
        assert versions_of(name, grpc_client.models()) == versions_of(name, http_client.models())
    wanted = [heard(answer) for answer in by_kafka]
    assert [[heard(answer) for answer in answers] for answers in (by_http, by_grpc, by_stream)] == [
        wanted
    ] * 3
    assert {version for version, _ in wanted} == {"1", "2"}


def versions_of(model: str, index: list[ModelVersion]) -> list[str]:
    return sorted(repr(entry) for entry in index if entry.name == model)


def heard(prediction: Prediction) -> tuple[str, bytes]:
    """Return who answered, and the bytes of the answer."""
    assert prediction.failure is None, prediction.failure
    return prediction.version, prediction.outputs["y"].tobytes()


def test_many_callers_at_once_get_their_own_rows(bench: Bench, name: str) -> None:
    bench.apply(name, {"1": scale(2)}, {"1": 1})

    def one(number: int) -> bool:
        row = np.full((1, 4), number, np.float32)
        answer = ask(bench.stack, "POST", f"/v2/models/{name}/infer", oip(row, id="same"))
        return answer.status == 200 and answer.body["outputs"][0]["data"] == [2.0 * number] * 4

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(one, range(600)))


def test_tensorflow_servings_form_is_answered_with_the_same_numbers(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(2)}, {"1": 1}, labels={"stable": "1"})
    rows = ask(bench.stack, "POST", f"/v1/models/{name}:predict", {"instances": row.tolist()})
    assert (rows.status, rows.body) == (200, {"predictions": [[2, 4, 6, 8]]})
    columns = ask(bench.stack, "POST", f"/v1/models/{name}/labels/stable:predict", {"inputs": row.tolist()})
    assert (columns.status, columns.body) == (200, {"outputs": [[2, 4, 6, 8]]})
    [status] = ask(bench.stack, "GET", f"/v1/models/{name}").body["model_version_status"]
    assert (status["version"], status["state"]) == ("1", "AVAILABLE")
    ragged = ask(bench.stack, "POST", f"/v1/models/{name}:predict", {"instances": [[1], [1, 2]]})
    assert (ragged.status, "instances" in ragged.body["error"]) == (400, True)


def test_a_bad_request_is_refused_and_its_neighbours_are_answered(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(2)}, {"1": 1})
    wide, path = np.ones((1, 9), np.float32), f"/v2/models/{name}/infer"
    bodies = {
        200: oip(row),
        400: oip(wide),
        404: oip(row),
    }

    def one(status: int) -> int:
        where = path if status != 404 else f"/v2/models/{name}/versions/none/infer"
        return ask(bench.stack, "POST", where, bodies[status]).status

    wanted = [200, 400, 404] * 50
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one, wanted)) == wanted


def test_a_gateway_that_dies_costs_its_callers_alone(bench: Bench, name: str, row: np.ndarray) -> None:
    bench.apply(name, {"1": scale(2)}, {"1": 1})
    supervisor = bench.stack.record.children["gateway"].pid
    workers = children_of(supervisor)
    assert len(workers) == 2
    stop, statuses = threading.Event(), collections.Counter[str]()

    def ask_on() -> None:
        while not stop.is_set():
            try:
                statuses[str(ask(bench.stack, "POST", f"/v2/models/{name}/infer", oip(row)).status)] += 1
            except (OSError, http.client.HTTPException):
                statuses["cut"] += 1

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask_on) for _ in range(8)]
        until(lambda: statuses["200"] > 50)
        os.kill(workers[0], signal.SIGKILL)
        before = statuses["200"]
        until(lambda: statuses["200"] > before + 200 and len(children_of(supervisor)) == 2)
        stop.set()
        for one in asking:
            one.result()
    assert set(statuses) <= {"200", "cut"}
    assert statuses["cut"] <= 8  # what that worker had under way


def until(condition: Any, limit_s: float = 60) -> None:
    poll = threading.Event()
    for _ in range(int(limit_s / 0.05)):
        if condition():
            return
        poll.wait(0.05)
    raise AssertionError("not within its time")


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return sorted(found)


def test_a_model_is_loaded_and_unloaded_over_http(bench: Bench, name: str, row: np.ndarray) -> None:
    described = {"versions": {"1": scale(5)}, "route": {"split": {"1": 1}}}
    body = {"parameters": {"config": msgspec.json.encode(described).decode()}}
    loaded = ask(bench.stack, "POST", f"/v2/repository/models/{name}/load", body)
    assert loaded.status == 200, loaded
    assert ask(bench.stack, "POST", f"/v2/models/{name}/infer", oip(row)).status == 200
    index = ask(bench.stack, "POST", "/v2/repository/index", {"ready": True}).body
    assert name in [entry["name"] for entry in index]
    assert ask(bench.stack, "POST", f"/v2/repository/models/{name}/unload").status == 200
    until(lambda: ask(bench.stack, "POST", f"/v2/models/{name}/infer", oip(row)).status in (404, 503))
    nobody = ask(bench.stack, "POST", "/v2/repository/models/nobody/load")
    assert nobody.status == 400
    assert "failed to load 'nobody'" in nobody.body["error"]
