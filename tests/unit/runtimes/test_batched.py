from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import Item
from pointsman.errors import INTERNAL, INVALID_ARGUMENT, Failure
from pointsman.runtimes.base import Fault
from pointsman.runtimes.batched import infer_batched, warm_batched
from pointsman.runtimes.isolate import PATIENCE_S, isolated


def item(*values: float, width: int = 3, dtype: str = "f4") -> Item:
    return {"x": np.array([[value] * width for value in values], dtype=dtype)}


class Doubling:
    """A model that doubles, records its batches, and rejects rows that start with a negative value."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, batch: Item) -> Item:
        x = batch["x"]
        self.batches.append(len(x))
        x *= 2  # in place, as careless models do
        if (x < 0).any():
            raise ValueError("negative")
        return {"y": x}


def values(result: Item | Failure) -> list[float]:
    assert isinstance(result, dict)
    return [float(value) for value in result["y"][:, 0]]


def failure(result: Item | Failure) -> Failure:
    assert isinstance(result, Failure)
    return result


@given(st.lists(st.integers(1, 9), max_size=30), st.integers(1, 12))
def test_every_caller_gets_its_own_rows_and_no_pass_is_too_large(sizes: list[int], max_batch: int) -> None:
    model = Doubling()
    items = [item(*[10.0 * index + row for row in range(size)]) for index, size in enumerate(sizes)]
    results = infer_batched(model, items, max_batch)
    assert [values(result) for result in results] == [
        [2 * (10.0 * index + row) for row in range(size)] for index, size in enumerate(sizes)
    ]
    assert max(model.batches, default=0) <= max_batch
    assert sum(model.batches) == sum(sizes)


def test_all_items_of_one_layout_share_a_pass_wherever_they_stand() -> None:
    model = Doubling()
    results = infer_batched(model, [item(1), item(2, width=4), item(3), item(4, dtype="f8")], 256)
    assert [values(result) for result in results] == [[2], [4], [6], [8]]
    assert sorted(model.batches) == [1, 1, 2]


@given(st.lists(st.sampled_from([1.0, -1.0]), min_size=1, max_size=40), st.integers(1, 16))
def test_culprits_fail_alone_and_neighbours_are_answered(signs: list[float], max_batch: int) -> None:
    results = infer_batched(Doubling(), [item(sign) for sign in signs], max_batch)
    for sign, result in zip(signs, results, strict=True):
        if sign > 0:
            assert values(result) == [2]
        else:
            assert failure(result) == Failure(INTERNAL, "the model raised ValueError: negative")


def test_items_are_not_changed_by_a_model_that_writes_to_its_input() -> None:
    items = [item(1), item(-1), item(2)]
    infer_batched(Doubling(), items, 256)
    assert [float(one["x"][0, 0]) for one in items] == [1, -1, 2]


def test_read_only_arrays_are_served() -> None:
    array = np.frombuffer(np.ones(3, "<f4").tobytes(), "<f4").reshape(1, 3)
    assert values(infer_batched(Doubling(), [{"x": array}], 256)[0]) == [2]


def test_a_message_is_one_short_line() -> None:
    def model(batch: Item) -> Item:
        raise RuntimeError("a\nb " + "c" * 1000)

    message = failure(infer_batched(model, [item(1)], 256)[0]).message
    assert message.startswith("the model raised RuntimeError: a b ccc")
    assert len(message) == 200


def test_a_message_can_always_be_written_to_a_topic() -> None:
    def model(batch: Item) -> Item:
        raise RuntimeError(b"caf\xe9".decode(errors="surrogateescape"))

    message = failure(infer_batched(model, [item(1)], 256)[0]).message
    assert message == "the model raised RuntimeError: caf?"
    assert message.encode()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (None, "returned NoneType, not arrays by name"),
        ({}, "returned dict, not arrays by name"),
        ({"y": [1, 2]}, "returned list as 'y', not an array"),
        ({"y": np.float32(3)}, "returned float32 as 'y', not an array"),
        ({"y": np.array(3)}, "'y' of shape [] for 1 rows"),
        ({1: np.zeros((1, 2))}, "named 1, which is no text"),
        ({"y": np.zeros((0, 2))}, "'y' of shape [0, 2] for 1 rows"),
    ],
)
def test_a_wrong_result_is_an_internal_failure(output: Any, words: str) -> None:
    result = failure(infer_batched(lambda _: output, [item(1)], 256)[0])
    assert result.code == INTERNAL
    assert words in result.message


def test_a_model_that_drops_rows_answers_those_it_keeps() -> None:
    results = infer_batched(
        lambda batch: {"y": batch["x"][batch["x"][:, 0] > 0]}, [item(1), item(-1), item(2)], 8
    )
    assert values(results[0]) == [1]
    assert "of shape [0, 3] for 1 rows" in failure(results[1]).message
    assert values(results[2]) == [2]


def test_a_model_that_exits_fails_its_item_only() -> None:
    def model(batch: Item) -> Item:
        raise SystemExit(1)

    assert failure(infer_batched(model, [item(1)], 8)[0]).message == "the model raised SystemExit: 1"


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"x": np.float32(1).reshape(())},
        {"x": np.zeros((2, 3), "f4"), "z": np.zeros((1, 3), "f4")},
    ],
)
def test_an_item_without_common_rows_is_refused_alone(bad: Item) -> None:
    results = infer_batched(Doubling(), [item(1), bad, item(2)], 256)
    assert values(results[0]) == [2]
    assert failure(results[1]).code == INVALID_ARGUMENT
    assert values(results[2]) == [4]


def test_rows_that_differ_between_inputs_are_noticed_even_if_the_totals_agree() -> None:
    one, two = np.zeros((1, 3), "f4"), np.zeros((2, 3), "f4")
    results = infer_batched(Doubling(), [{"x": one, "z": two}, {"x": two, "z": one}], 256)
    assert [failure(result).code for result in results] == [INVALID_ARGUMENT] * 2


def test_no_items_run_nothing() -> None:
    assert infer_batched(Doubling(), [], 8) == []


def test_several_inputs_and_outputs_stay_together() -> None:
    items = [{"a": np.array([[float(n)]]), "b": np.array([[n]])} for n in range(5)]
    results = infer_batched(lambda batch: {"sum": batch["a"] + batch["b"], "b": batch["b"]}, items, 2)
    assert [(float(r["sum"][0, 0]), int(r["b"][0, 0])) for r in results if isinstance(r, dict)] == [
        (2.0 * n, n) for n in range(5)
    ]


def test_a_model_that_always_fails_is_given_up_after_a_while() -> None:
    calls: list[int] = []

    def attempt(items: Any) -> list[Item]:
        calls.append(len(items))
        raise Fault(Failure(INTERNAL, "always"))

    times = iter([0.0, 0.0, PATIENCE_S, PATIENCE_S, PATIENCE_S])
    results = isolated(attempt, [item(1)] * 64, lambda: next(times))
    assert results == [Failure(INTERNAL, "always")] * 64
    assert calls == [64, 32, 16, 16, 32]


def test_a_final_fault_is_not_tried_again() -> None:
    calls: list[int] = []

    def attempt(items: Any) -> list[Item]:
        calls.append(len(items))
        raise Fault(Failure(INTERNAL, "hung"), final=True)

    assert isolated(attempt, [item(1)] * 4) == [Failure(INTERNAL, "hung")] * 4
    assert calls == [4]


def test_a_model_for_one_row_only_is_found_out_at_warm_up() -> None:
    def model(batch: Item) -> Item:
        return {"y": batch["x"].reshape(1, 3)}

    assert "1 rows pass, 2 do not; set max_batch" in failure(warm_batched(model, item(0), 256)).message
    assert values(warm_batched(model, item(0), 1)) == [0]


def test_want_of_memory_fails_the_greedy_item_only() -> None:
    def model(batch: Item) -> Item:
        if (batch["x"] == 7).any():
            raise MemoryError("of 1 EiB")
        return {"y": batch["x"]}

    results = infer_batched(model, [item(n) for n in range(9)], 256)
    assert failure(results[7]).message == "the model raised MemoryError: of 1 EiB"
    assert [values(results[n]) for n in range(9) if n != 7] == [[n] for n in range(9) if n != 7]


def test_items_that_are_too_large_together_go_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    join = np.concatenate

    def concatenate(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        if len(arrays) > 2:
            raise MemoryError
        return join(arrays, *args, **kwargs)

    monkeypatch.setattr(np, "concatenate", concatenate)
    results = infer_batched(Doubling(), [item(n) for n in range(5)], 256)
    assert [values(result) for result in results] == [[2 * n] for n in range(5)]


def test_items_whose_rows_are_known_to_be_bad_fail_without_a_search() -> None:
    passes: list[int] = []

    def picky(batch: Item) -> Item:
        passes.append(len(batch["x"]))
        bad = {
            row: Failure(INVALID_ARGUMENT, f"{value:g} is negative")
            for row, value in enumerate(batch["x"][:, 0])
            if value < 0
        }
        if bad:
            raise Fault(next(iter(bad.values())), rows=bad)
        return {"y": batch["x"]}

    items = [item(1), item(2, -3), item(4, 5, 6), item(-7), *(item(value) for value in range(8, 100))]
    results = infer_batched(picky, items, 256)
    assert failure(results[1]) == Failure(INVALID_ARGUMENT, "-3 is negative")
    assert failure(results[3]) == Failure(INVALID_ARGUMENT, "-7 is negative")
    good = [values(result) for number, result in enumerate(results) if number not in (1, 3)]
    assert good == [[1], [4, 5, 6], *([value] for value in range(8, 100))]
    assert passes == [99, 96], "the batch, and once more without the two"


def test_rows_that_no_item_has_blame_them_all() -> None:
    def lying(batch: Item) -> Item:
        raise Fault(Failure(INVALID_ARGUMENT, "row 9"), rows={9: Failure(INVALID_ARGUMENT, "row 9")})

    assert infer_batched(lying, [item(1), item(2)], 8) == [Failure(INVALID_ARGUMENT, "row 9")] * 2
