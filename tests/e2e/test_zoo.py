"""Many more models than their pod has memory for: all are served, within the budget."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from safetensors.numpy import load_file

from benchmarks.stream.models import WIDTH
from benchmarks.zoo.models import BYTES, specs
from pointsman.client.holdings import Holdings, read_holdings
from pointsman.core.tensor import Array
from pointsman.localstack.assembly import Plan
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings
from tests.e2e.bench import Bench
from tests.e2e.conftest import ROOT, importable

MODELS, FIT = 30, 4
COMMAND = [sys.executable, "-c", "from pointsman.cli.main import app; app()"]
ROW = np.linspace(-1, 1, WIDTH, dtype=np.float32).reshape(1, WIDTH)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Yield a stack with room for four models."""
    plan = Plan(settings=Settings(cache_bytes=BYTES * FIT))
    with (
        importable(ROOT / "examples"),
        Stack(tmp_path_factory.mktemp("zoo"), plan=plan) as running,
        Bench(running) as bench,
    ):
        yield bench


def held(bench: Bench) -> Holdings:
    return read_holdings(bench.stack.kafka, time.time_ns() // 1_000_000)


def told(bench: Bench, *command: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [*COMMAND, *command, "--kafka", bench.stack.kafka, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def right_answer(spec: Mapping[str, Any]) -> Array:
    weights = load_file(urlsplit(spec["versions"]["1"]["uri"]).path)
    rows: Array = ROW
    for layer in "024":
        rows = rows @ weights[f"body.{layer}.weight"].T + weights[f"body.{layer}.bias"]
        rows = rows if layer == "4" else np.maximum(rows, 0)
    return rows


def ask_all(bench: Bench, names: list[str], times: int, right: Mapping[str, Array]) -> None:
    """Ask every model so often, in any order, and look at each answer."""
    order = [(name, turn) for name in names for turn in range(times)]
    random.Random(times).shuffle(order)
    tag = f"{len(bench.ledger.finals)}"
    for name, turn in order:
        bench.send(name, f"{name}-{tag}-{turn}", ROW)
    bench.settled(90)
    for name, turn in order:
        y = bench.outputs(f"{name}-{tag}-{turn}")["y"]
        np.testing.assert_allclose(y, right[name], rtol=1e-3, atol=1e-3)


def test_all_are_served_within_the_budget_and_so_they_are_after_the_death_of_the_pod(
    zoo: Bench, tmp_path: Path
) -> None:
    described = specs(tmp_path, MODELS)
    right = {spec["model"]: right_answer(spec) for spec in described}
    pinned, *others = names = list(right)
    described[0]["versions"]["1"]["pinned"] = True
    for spec in described:
        assert zoo.control({"model": spec["model"], "apply": spec}).ok
    for name in names:
        zoo.state(name, "1", "READY")
    ask_all(zoo, names, 3, right)
    facts = {fact["model"]: fact for fact in told(zoo, "models") if fact["version"] == "1"}
    assert facts.keys() == set(names)
    [pod] = held(zoo).pods.values()
    assert pod.limit == BYTES * FIT
    assert pod.peak <= pod.limit * 1.05
    ask_all(zoo, others[:2], 1, right)
    before = set(held(zoo).pods)
    zoo.stack.kill("pod-default")
    ask_all(zoo, names, 2, right)
    assert max(pod.peak for pod in held(zoo).pods.values()) <= BYTES * FIT
    [fact] = told(zoo, "inspect", pinned, "1")
    assert (fact["spec"]["pinned"], fact["state"], fact["proven"]) == (True, "READY", True)
    # The word of the one that died is believed for a while.
    [here] = [one for one in fact["pods"] if one["in_memory"] and one["pod"] not in before]
    assert (here["bytes"], here["loads"]) == (BYTES, 1)


def test_what_can_never_fit_is_refused_and_says_which_setting_is_too_small(
    zoo: Bench, tmp_path: Path, name: str
) -> None:
    large = tmp_path / "large.safetensors"
    large.write_bytes(bytes(BYTES * FIT + 1))
    version = {"uri": large.as_uri(), "factory": "pointsman_examples.mlp:mlp"}
    assert zoo.control({"model": name, "apply": {"versions": {"1": version}}}).ok
    event = zoo.state(name, "1", "FAILED")
    assert "are more than the setting `cache_bytes` of its pods" in event["reason"]
