"""Requests that end or stop the process which computes them, on the real engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from benchmarks.stream.processes import children
from pointsman.errors import DEADLINE_EXCEEDED, INTERNAL
from tests.e2e.bench import Bench, scale

# The order that a request of each kind gives, and how it is answered.
KINDS = {
    "segfault": (-1.0, INTERNAL),
    "kill": (-2.0, INTERNAL),
    "exit": (-3.0, INTERNAL),
    "seize": (-4.0, DEADLINE_EXCEEDED),
    "hang": (-5.0, DEADLINE_EXCEEDED),
    "memory": (-6.0, INTERNAL),
}
ENDS = ("segfault", "kill", "exit")
EACH = 100
APART = {"isolation": "process", "compute_timeout": "2s", "memory": "768MiB"}


@pytest.fixture
def version(tmp_path: Path) -> Mapping[str, str]:
    """Return a torch version that its requests can kill, in the pool `aside`."""
    path = tmp_path / "perilous.safetensors"
    save_file({"weight": np.eye(4, dtype=np.float32)}, path)
    return {"uri": path.as_uri(), "factory": "benchmarks.poison.models:perilous", "pool": "aside"}


@pytest.fixture
def perilous(bench: Bench, name: str, version: Mapping[str, str]) -> Mapping[str, str]:
    """Return torch models that their requests can kill, one for each kind."""
    models = {kind: f"{name}-{kind}" for kind in KINDS}
    for model in models.values():
        bench.apply(model, {"1": version}, {"1": 1})
    return models


@pytest.mark.parametrize(
    ("order", "code"),
    [(-5.0, DEADLINE_EXCEEDED), (-7.0, ""), (-1.0, INTERNAL)],
    ids=["hangs", "leaks", "crashes"],
)
def test_a_version_in_a_process_of_its_own_troubles_nobody_else(
    bench: Bench, version: Mapping[str, str], name: str, order: float, code: str
) -> None:
    model, other = f"{name}-apart", f"{name}-other"
    bench.apply(model, {"1": {**version, **APART}}, {"1": 1})
    bench.apply(other, {"1": scale(2, pool="aside")}, {"1": 1})
    workers = children(bench.stack.record.children["pod-aside"].pid)
    for number in range(EACH):
        bench.send(model, f"apart-{number}", np.full((1, 4), number, np.float32))
        bench.send(other, f"other-{number}", np.full((1, 4), number, np.float32))
        if number % 10 == 0:
            bench.send(model, f"trouble-{number}", np.array([[order, number, 0, 0]], np.float32))
    bench.settled(120)
    for number in range(EACH):
        assert bench.outputs(f"apart-{number}")["y"][0, 0] == number
        assert bench.outputs(f"other-{number}")["y"][0, 0] == 2 * number
    errors = {bench.ledger.finals[f"trouble-{number}"].error for number in range(0, EACH, 10)}
    assert errors == {code}
    assert children(bench.stack.record.children["pod-aside"].pid) == workers


def test_requests_that_kill_are_found_and_all_others_are_answered(
    bench: Bench, perilous: Mapping[str, str], name: str
) -> None:
    other = f"{name}-other"
    bench.apply(other, {"1": scale(2, pool="aside")}, {"1": 1})
    for number in range(EACH):
        for kind, model in perilous.items():
            bench.send(model, f"{kind}-{number}", np.full((1, 4), number, np.float32))
            if number == EACH // 2:
                bench.send(model, kind, np.full((1, 4), KINDS[kind][0], np.float32))
        bench.send(other, f"other-{number}", np.full((1, 4), number, np.float32))
    bench.settled(180)
    for number in range(EACH):
        assert bench.outputs(f"other-{number}")["y"][0, 0] == 2 * number
    _assert_found(bench, perilous)


def test_one_model_may_get_killing_requests_of_every_kind_at_once(
    bench: Bench, perilous: Mapping[str, str]
) -> None:
    model = perilous["segfault"]
    for number in range(EACH):
        for kind in KINDS:
            bench.send(model, f"{kind}-{number}", np.full((1, 4), number, np.float32))
    for kind, (order, _) in KINDS.items():
        bench.send(model, kind, np.full((1, 4), order, np.float32))
    bench.settled(180)
    _assert_found(bench, perilous)


def _assert_found(bench: Bench, kinds: Mapping[str, str]) -> None:
    for kind in kinds:
        for number in range(EACH):
            assert bench.outputs(f"{kind}-{number}")["y"][0, 0] == number
    errors = {kind: bench.ledger.finals[kind].error for kind in kinds}
    assert errors == {kind: code for kind, (_, code) in KINDS.items()}
    assert bench.ledger.wait(30, until=lambda: kinds.keys() <= bench.ledger.letters.keys())
    for kind in ENDS:
        assert "the request ended the model's process" in bench.ledger.letters[kind].error.message
