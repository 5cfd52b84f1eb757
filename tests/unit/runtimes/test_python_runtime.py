from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from pointsman.core.spec import VersionSpec
from pointsman.errors import (
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    UNAVAILABLE,
    Failure,
    LoadError,
)
from pointsman.runtimes.base import Loaded, Result
from pointsman.runtimes.loader import load
from pointsman.settings import Settings
from tests.unit.runtimes import classes
from tests.unit.runtimes.rows import first, item

Start = Callable[..., Loaded]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Loaded] = []

    def begin(name: str, timeout_ms: int = 20_000, **options: str) -> Loaded:
        spec = VersionSpec(uri=f"python:{classes.__name__}:{name}", runtime="python", options=options)
        started.append(load(spec, Settings(compute_timeout_ms=timeout_ms), lambda: None).loaded)
        return started[-1]

    yield begin
    for loaded in started:
        loaded.unload()


def failure(result: Result) -> Failure:
    assert isinstance(result, Failure)
    return result


def test_a_class_is_served_from_a_process_of_its_own(start: Start) -> None:
    model = start("Doubler")
    results = model.infer([item(1), item(2, 3)], 256)
    assert [first(result) for result in results] == [2, 4]
    assert isinstance(results[1], dict)
    assert results[1]["output"].shape == (2, 4)
    assert model.isolated
    assert model.footprint > 0
    assert model.signature == msgspec.convert(
        {**classes.SCALE_SIGNATURE, "outputs": [{"name": "output", "datatype": "FP32", "shape": [-1, 4]}]},
        type(model.signature),
    )


def test_options_reach_the_constructor_as_text(start: Start) -> None:
    assert first(start("Doubler", factor="5").infer([item(1)], 256)[0]) == 5


def test_prints_do_not_disturb_and_the_process_is_another(start: Start) -> None:
    assert first(start("Printer").infer([item(1)], 256)[0]) != os.getpid()


def test_texts_and_outputs_by_name_come_through(start: Start) -> None:
    texts = np.array([b"caf\xc3\xa9", b""], dtype=object)
    [result] = start("Texts").infer([{"text": texts}], 256)
    assert isinstance(result, dict)
    assert result["upper"].tolist() == ["CAFÉ".encode(), b""]
    assert result["length"].tolist() == [5, 0]


def test_an_item_that_makes_it_raise_fails_alone(start: Start) -> None:
    results = start("Doubler").infer([item(1), item(-1), item(2), item(3)], 256)
    assert failure(results[1]) == Failure(INTERNAL, "the model raised ValueError: a negative value")
    assert [first(results[n]) for n in (0, 2, 3)] == [2, 4, 6]


def test_wrong_results_fail_alone(start: Start) -> None:
    results = start("Doubler").infer([item(1), item(-4), item(-5), item(2)], 256)
    assert "returned str for this item" in failure(results[1]).message
    assert "dtype complex128" in failure(results[2]).message
    assert [first(results[n]) for n in (0, 3)] == [2, 4]


def test_too_few_results_are_found_and_all_items_answered(start: Start) -> None:
    results = start("TooFew").infer([item(n) for n in range(4)], 256)
    assert [first(result) for result in results] == [0, 1, 2, 3]


def test_lists_hold_at_most_max_batch_rows(start: Start) -> None:
    results = start("Doubler").infer([item(n) for n in range(9)], 2)
    assert [first(result) for result in results] == [2 * n for n in range(9)]


def test_a_hang_is_answered_and_the_process_replaced(start: Start) -> None:
    model = start("Doubler", timeout_ms=500)
    model.infer([item(1)], 256)
    assert failure(model.infer([item(-2)], 256)[0]).code == DEADLINE_EXCEEDED
    assert_served_again(model)


def test_a_request_that_ends_the_process_is_told_so_and_its_neighbours_are_served(start: Start) -> None:
    model = start("Doubler")
    results = model.infer([item(1), item(-3), item(2)], 256)
    assert [first(results[n]) for n in (0, 2)] == [2, 4]
    assert failure(results[1]).code == INTERNAL
    assert failure(results[1]).message.endswith("each time it was computed: SIGKILL")


def assert_served_again(model: Loaded) -> None:
    """Allow the new process more time to start than this short deadline gives one batch."""
    for _ in range(20):
        [result] = model.infer([item(1)], 256)
        if not isinstance(result, Failure):
            break
        assert result.code == UNAVAILABLE
    assert first(result) == 2


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("Unbuildable", INTERNAL, "the model raised RuntimeError: no licence"),
        ("Exits", INTERNAL, "exit code 3"),
        ("Nothing", INTERNAL, "cannot be imported"),
    ],
)
def test_a_class_that_does_not_start_says_why(start: Start, name: str, code: str, words: str) -> None:
    with pytest.raises(LoadError) as error:
        start(name)
    assert error.value.failure.code == code
    assert words in error.value.failure.message


@pytest.mark.parametrize(
    ("uri", "code"), [("python:package", INVALID_ARGUMENT), ("file:///no/such.py", NOT_FOUND)]
)
def test_other_uris_are_refused(uri: str, code: str) -> None:
    with pytest.raises(LoadError) as error:
        load(VersionSpec(uri=uri, runtime="python"), Settings(), lambda: None)
    assert error.value.failure.code == code


def test_scalars_and_big_endian_arrays_survive_the_frame() -> None:
    from pointsman.runtimes import frames

    arrays: dict[str, Any] = {
        "scalar": np.array(3, "i8"),
        "big": np.array([1, 2], ">i4"),
        "empty": np.zeros((0, 4), "f4"),
        "transposed": np.arange(6).reshape(2, 3).T,
        "flags": np.array([True, False]),
    }
    packed = msgspec.msgpack.encode(frames.pack(arrays))
    found = frames.unpack(msgspec.msgpack.decode(packed, type=dict[str, frames.Cells]))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == array.shape
