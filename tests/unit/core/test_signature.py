"""An item that does not fit its model is told why."""

from __future__ import annotations

import numpy as np
import pytest

from pointsman.core.signature import MAX_EMPTY_ROWS, check_item
from pointsman.core.tensor import DTYPES, Item, Signature, TensorSpec, rows

TWO = Signature((TensorSpec("x", "FP32", (-1, 4)), TensorSpec("n", "INT64", (-1,))))
FREE = Signature((TensorSpec("image", "UINT8", (-1, -1, -1, 3)),))


def x(*shape: int, dtype: str = "f4") -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize("count", [1, 7])
def test_an_item_that_fits_is_passed(count: int) -> None:
    assert check_item(TWO, {"x": x(count, 4), "n": x(count, dtype="i8")}) is None


@pytest.mark.parametrize(
    ("item", "field", "words"),
    [
        ({"x": x(1, 4)}, "n", "input 'n' is missing"),
        ({"x": x(1, 4), "n": x(1, dtype="i8"), "y": x(1)}, "y", "no input 'y'; it takes x, n"),
        ({"x": x(1, 4, dtype="f8"), "n": x(1, dtype="i8")}, "x", "is FP64, the model takes FP32"),
        ({"x": x(1, 4, dtype="c8"), "n": x(1, dtype="i8")}, "x", "is complex64, the model takes FP32"),
        ({"x": x(1, 5), "n": x(1, dtype="i8")}, "x", "has shape [1, 5], the model takes [-1, 4]"),
        ({"x": x(4), "n": x(1, dtype="i8")}, "x", "has shape [4]"),
        ({"x": x(1, 4), "n": x(2, dtype="i8")}, "inputs", "differ in the size of their batch"),
        ({"x": x(0, 4), "n": x(0, dtype="i8")}, "inputs", "holds no row"),
    ],
)
def test_an_item_that_does_not_fit_is_refused_by_name(item: Item, field: str, words: str) -> None:
    failure = check_item(TWO, item)
    assert failure is not None
    assert failure.field == field
    assert words in failure.message


def test_a_dimension_of_minus_one_takes_any_size() -> None:
    assert check_item(FREE, {"image": x(1, 28, 17, 3, dtype="u1")}) is None
    assert check_item(FREE, {"image": x(1, 28, 17, 4, dtype="u1")}) is not None


def test_the_signatures_batch_dimension_binds_nobody() -> None:
    fixed = Signature((TensorSpec("x", "FP32", (1, 4)),))
    assert check_item(fixed, {"x": x(9, 4)}) is None


@pytest.mark.parametrize("item", [{}, {"x": x()}, {"x": x(2), "y": x(3)}, {"x": x(0)}])
def test_without_a_signature_the_rows_are_still_checked(item: Item) -> None:
    assert check_item(None, item) is not None
    assert check_item(None, {"anything": x(3, 9)}) is None


def test_rows_are_the_size_of_the_first_dimension() -> None:
    assert (rows({"x": x(3, 9)}), rows({})) == (3, 0)


def test_every_datatype_has_a_dtype_of_its_own() -> None:
    assert len(set(DTYPES.values())) == len(DTYPES) == 13


@pytest.mark.parametrize("more", [0, 1])
def test_rows_without_elements_are_served_up_to_their_limit(more: int) -> None:
    failure = check_item(None, {"x": x(MAX_EMPTY_ROWS + more, 0)})
    assert (failure is not None) == bool(more)
    assert check_item(None, {"x": x(MAX_EMPTY_ROWS + more, 0), "n": x(MAX_EMPTY_ROWS + more)}) is None
