"""Traffic on the real engine: forms, versions, weights, many models."""

from __future__ import annotations

import collections
from typing import Any

import msgspec
import numpy as np
import pytest
import safetensors.numpy

from pointsman import topics
from pointsman.localstack.stack import Stack
from pointsman.testing.request import request
from tests.e2e.bench import Bench, scale


def test_requests_are_split_by_weight_and_the_same_unit_stays_with_its_version(
    bench: Bench, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 70, "2": 30})
    for number in range(1000):
        bench.send(name, f"{name}-{number}", row, unit=f"unit-{number % 200}")
    bench.settled()
    by_unit: dict[int, set[str]] = collections.defaultdict(set)
    counts: collections.Counter[str] = collections.Counter()
    for number in range(1000):
        final = bench.ledger.finals[f"{name}-{number}"]
        by_unit[number % 200].add(final.version)
        counts[final.version] += 1
        np.testing.assert_array_equal(bench.outputs(final.id)["y"], row * int(final.version))
    assert all(len(versions) == 1 for versions in by_unit.values())
    assert 0.5 < counts["1"] / 1000 < 0.9


def test_an_explicit_version_or_label_overrides_the_split(bench: Bench, name: str, row: np.ndarray) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 0}, labels={"canary": "2"})
    bench.send(name, "split", row)
    bench.send(name, "version", row, version="2")
    bench.send(name, "label", row, label="canary")
    bench.settled()
    assert [bench.ledger.finals[one].version for one in ("split", "version", "label")] == ["1", "2", "2"]


def test_every_json_form_is_answered_in_its_own_form(bench: Bench, name: str) -> None:
    bench.apply(name, {"1": scale(2)}, {"1": 1}, route={"features": ["a", "b", "c", "d"]})
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    bench.send_json("oip", {"id": "oip", "model": name, "inputs": [tensor], "context": {"k": [1]}}, key=name)
    bench.send_json(
        "rows", {"id": "rows", "model": name, "instances": [[1, 2, 3, 4], [5, 6, 7, 8]]}, key="anything"
    )
    bench.ledger.send(
        "flat",
        msgspec.json.encode({"model": name, "a": 1, "b": 2, "c": 3, "d": 4, "id": "theirs", "context": 7}),
        topic=topics.REQUESTS_JSON,
        headers=[("id", b"flat")],
    )
    bench.settled()
    oip, rows, flat = (bench.ledger.finals[one].body for one in ("oip", "rows", "flat"))
    assert oip["outputs"] == [
        {"name": "y", "datatype": "FP32", "shape": [1, 4], "data": [2.0, 4.0, 6.0, 8.0]}
    ]
    assert oip["context"] == {"k": [1]}
    assert rows["predictions"] == [[2.0, 4.0, 6.0, 8.0], [10.0, 12.0, 14.0, 16.0]]
    assert flat["outputs"][0]["data"] == [2.0, 4.0, 6.0, 8.0]  # type: ignore[index]
    assert flat["context"] == 7


def test_an_own_topic_feeds_its_model_and_a_route_names_its_output(bench: Bench) -> None:
    versions = {"1": scale(3)}
    bench.apply("flat", versions, {"1": 1}, route={"features": ["a", "b", "c", "d"], "output": "answers"})
    for number in range(300):
        record = {"a": number, "b": 1, "c": 1, "d": 1, "context": number}
        bench.ledger.send("", msgspec.json.encode(record), key=f"customer {number}".encode(), topic="orders")
    bench.settled()
    answers = [final for final in bench.ledger.finals.values() if final.topic == "answers"]
    assert len(answers) == 300
    for final in answers:
        body: dict[str, Any] = final.body
        assert body["outputs"][0]["data"] == [3.0 * body["context"], 3.0, 3.0, 3.0]


def test_an_output_that_is_not_allowed_is_refused(bench: Bench, name: str) -> None:
    route = {"split": {"1": 1}, "output": "pointsman.control"}
    ack = bench.control({"model": name, "apply": {"versions": {"1": scale(1)}, "route": route}})
    assert not ack.ok
    assert ack.error is not None
    assert ack.error.field == "route.output"


def test_a_record_under_a_wrong_key_reaches_its_model(bench: Bench, name: str, row: np.ndarray) -> None:
    bench.apply(name, {"1": scale(2)}, {"1": 1})
    bench.ledger.send("strayed", request(name, "strayed", row), key=b"another-model")
    bench.ledger.send("keyless", request(name, "keyless", row))
    bench.settled()
    for one in ("strayed", "keyless"):
        np.testing.assert_array_equal(bench.outputs(one)["y"], row * 2)


def test_versions_can_be_served_by_pods_of_different_pools(bench: Bench, name: str, row: np.ndarray) -> None:
    bench.apply(name, {"1": scale(1), "2": scale(2, pool="aside")}, {"1": 1, "2": 1})
    for number in range(200):
        bench.send(name, f"{name}-{number}", row)
    bench.settled()
    finals = [bench.ledger.finals[f"{name}-{number}"] for number in range(200)]
    assert {final.version for final in finals} == {"1", "2"}
    for final in finals:
        np.testing.assert_array_equal(bench.outputs(final.id)["y"], row * int(final.version))


def test_torch_weights_come_from_their_artifacts(
    bench: Bench, name: str, row: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("weights")
    versions = {}
    for version, factor in (("1", 10), ("2", 20)):
        path = folder / f"{version}.safetensors"
        safetensors.numpy.save_file({"weight": np.eye(4, dtype=np.float32) * factor}, path)
        versions[version] = {"uri": path.as_uri(), "runtime": "torch", "factory": "e2e_models:linear"}
    bench.apply(name, versions, {"1": 1, "2": 1})
    for number in range(100):
        bench.send(name, f"{name}-{number}", row)
    bench.settled()
    for number in range(100):
        final = bench.ledger.finals[f"{name}-{number}"]
        np.testing.assert_allclose(bench.outputs(final.id)["y"], row * 10 * int(final.version))


def test_fifty_models_of_two_versions_appear_while_traffic_flows(
    bench: Bench, stack: Stack, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1)}, {"1": 1})
    models = [f"{name}-{number}" for number in range(50)]
    for number, model in enumerate(models):
        versions = {"1": scale(number), "2": scale(-number)}
        ack = bench.control(
            {"model": model, "apply": {"versions": versions, "route": {"split": {"1": 1, "2": 1}}}}
        )
        assert ack.ok
        bench.send(name, f"{name}-flow-{number}", row)
        # Not READY yet: these wait and are answered by the right weights.
        for copy in range(4):
            bench.send(model, f"{model}-{copy}", row, version=str(copy % 2 + 1))
    bench.settled(240)
    for number, model in enumerate(models):
        for copy in range(4):
            expected = row * number * (1 if copy % 2 == 0 else -1)
            np.testing.assert_array_equal(bench.outputs(f"{model}-{copy}")["y"], expected)
