"""A torch version in a process of its own, forked in the nursery."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pointsman.core.spec import VersionSpec
from pointsman.errors import DEADLINE_EXCEEDED, INTERNAL, Failure, LoadError
from pointsman.runtimes.base import UNRUN, Loaded
from pointsman.runtimes.confined import confine
from pointsman.runtimes.loader import Artifact
from pointsman.runtimes.process import Nursery
from pointsman.settings import Settings
from tests.unit.runtimes import networks
from tests.unit.runtimes.rows import first, item

BOUND = 3 * 2**28  # a process that imported torch and computes has less, whatever the build
Confine = Callable[..., Artifact]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Yield one for all: to import torch takes seconds."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def endings() -> list[int]:
    return []


@pytest.fixture
def confined(nursery: Nursery, tmp_path: Path, endings: list[int]) -> Iterator[Confine]:
    path = tmp_path / "weights.safetensors"
    save_file({"factor": np.ones(4, "f4")}, path)
    made: list[Loaded] = []

    def begin(factory: str = "perilous", timeout_ms: int = 0, memory: int = 0) -> Artifact:
        spec = VersionSpec(
            uri=path.as_uri(),
            factory=f"{networks.__name__}:{factory}",
            compute_timeout=timeout_ms,
            memory=memory,
        )
        settings = Settings()
        artifact = confine(
            spec,
            settings,
            lambda: None,
            name="perilous",
            nursery=nursery,
            on_ending=lambda: endings.append(1),
        )
        made.append(artifact.loaded)
        return artifact

    yield begin
    for loaded in made:
        loaded.unload()


def test_it_is_served_as_it_would_be_in_the_pod(confined: Confine, endings: list[int]) -> None:
    artifact = confined()
    loaded = artifact.loaded
    assert [first(result) for result in loaded.infer([item(1), item(2, 3)], 256)] == [1, 2]
    assert loaded.isolated
    assert loaded.footprint == 16
    assert len(artifact.sha256) == 64
    assert loaded.signature is not None
    assert [tensor.name for tensor in loaded.signature.inputs] == ["x"]
    assert [tensor.name for tensor in loaded.signature.outputs] == ["output"]
    [raised, fine, refused] = loaded.infer([item(-4), item(1), {"x": np.array([[b"a"]], object)}], 256)
    assert raised == Failure(INTERNAL, "the model raised ValueError: not to my taste")
    assert first(fine) == 1
    assert isinstance(refused, Failure)
    assert (refused.code, refused.field) == ("INVALID_ARGUMENT", "x")
    assert endings == []


def test_requests_that_end_it_are_convicted_and_the_others_answered(
    confined: Confine, endings: list[int]
) -> None:
    items = [item(float(number)) for number in range(64)]
    items[17], items[40] = item(-1), item(-2)
    results = confined().loaded.infer(items, 256)
    assert [first(result) for n, result in enumerate(results) if n not in (17, 40)] == [
        n for n in range(64) if n not in (17, 40)
    ]
    why = "the request ended the model's process each time it was computed"
    assert results[17] == Failure(INTERNAL, f"{why}: SIGSEGV")
    assert results[40] == Failure(INTERNAL, f"{why}: exit code 3")
    assert len(endings) == 5


def test_a_hang_is_ended_and_convicted(confined: Confine, endings: list[int]) -> None:
    results = confined(timeout_ms=500).loaded.infer([item(1), item(-3), item(2)], 256)
    assert [first(results[n]) for n in (0, 2)] == [1, 2]
    assert isinstance(results[1], Failure)
    assert results[1].code == DEADLINE_EXCEEDED
    assert len(endings) == 2


def test_a_request_that_takes_more_than_its_memory_is_convicted_and_the_others_answered(
    confined: Confine, endings: list[int]
) -> None:
    results = confined(memory=BOUND).loaded.infer([item(1), item(-6), item(2)], 256)
    assert [first(results[n]) for n in (0, 2)] == [1, 2]
    why = "the request ended the model's process each time it was computed: more memory than 768 MiB"
    assert results[1] == Failure(INTERNAL, why)
    assert len(endings) == 3


def test_a_process_that_grows_is_replaced_between_passes_and_nobody_is_convicted(
    confined: Confine, endings: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    loaded = confined(memory=BOUND).loaded
    results = [loaded.infer([item(-5), item(2)], 256) for _ in range(10)]  # 1,280 MiB
    assert all(first(leaking) == -5 and first(other) == 2 for leaking, other in results)
    assert endings == []
    assert "MiB of 768 MiB and is replaced, time 1" in caplog.text


def test_a_version_that_is_over_its_memory_from_the_beginning_says_so(confined: Confine) -> None:
    with pytest.raises(LoadError) as error:
        confined(memory=2**20)
    assert error.value.failure.field == "memory"
    assert "of the 1 MiB that it may have; raise it" in error.value.failure.message


def test_a_version_that_dies_while_it_is_loaded_fails_alone(confined: Confine) -> None:
    with pytest.raises(LoadError) as error:
        confined("lethal")
    assert error.value.failure == Failure(INTERNAL, "its process ended with SIGABRT while it was loading")


def test_a_nursery_that_died_is_begun_anew(confined: Confine, nursery: Nursery) -> None:
    loaded = confined().loaded
    process = nursery._process
    assert process is not None
    os.kill(process.pid, 9)
    process.wait()
    for _ in range(3):
        [result] = loaded.infer([item(5)], 256)
        if result is not UNRUN:
            break
    assert first(result) == 5


def test_a_nursery_without_children_rests(confined: Confine, nursery: Nursery) -> None:
    loaded = confined().loaded
    nursery.rest()
    assert first(loaded.infer([item(5)], 256)[0]) == 5
    loaded.unload()
    nursery.rest()
    assert nursery._process is None
