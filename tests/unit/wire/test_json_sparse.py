"""Sparse rows become dense ones, within bounds."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import DTYPES, Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.wire.json_request import item_from_json
from pointsman.wire.json_sparse import MAX_DENSE_ELEMENTS


def read(body: object, signature: Signature | None = None) -> Item | Failure:
    result = item_from_json(json.dumps(body).encode(), signature, ())
    return result if isinstance(result, Failure) else result[1]


def dense(body: object, signature: Signature | None = None) -> Item:
    result = read(body, signature)
    assert not isinstance(result, Failure), result
    return result


def refused(part: object) -> Failure:
    result = read({"instances": [{"s": part}]})
    assert isinstance(result, Failure), result
    assert result.code == INVALID_ARGUMENT
    return result


def sparse(shape: Any, data: Any, indices: Any) -> dict[str, Any]:
    return {"shape": shape, "data": data, "indices": indices}


arrays = st.lists(st.integers(1, 4), min_size=1, max_size=3).flatmap(
    lambda shape: st.lists(
        st.sampled_from([0, 0, 0, 1, -7, 2**63 - 1]), min_size=math.prod(shape), max_size=math.prod(shape)
    ).map(lambda flat: np.array(flat, np.int64).reshape(shape))
)


@given(arrays)
def test_a_sparse_row_is_the_dense_row_that_it_stands_for(row: Any) -> None:
    part = sparse(list(row.shape), row[row != 0].tolist(), np.argwhere(row != 0).tolist())
    whole = Signature((TensorSpec("s", "INT64", (-1, *row.shape)),))
    for body in ({"instances": [{"s": part}, {"s": part}]}, {"columns": {"s": [part, part]}}):
        found = dense(body, whole)["s"]
        assert found.dtype == DTYPES["INT64"]
        np.testing.assert_array_equal(found, np.stack([row, row]))


def test_rows_may_differ_in_what_is_not_zero() -> None:
    rows = [sparse([3], [5], [[0]]), sparse([3], [], []), sparse([3], [7, 8], [[2], [1]])]
    assert dense({"instances": rows})["input"].tolist() == [[5, 0, 0], [0, 0, 0], [0, 8, 7]]


@pytest.mark.parametrize(
    ("data", "datatype"), [([1, 2], "INT64"), ([1, 2.5], "FP32"), ([True, True], "BOOL"), ([], "FP32")]
)
def test_without_a_signature_the_datatype_is_guessed(data: list[Any], datatype: str) -> None:
    found = dense({"instances": [{"s": sparse([2], data, [[0], [1]][: len(data)])}]})
    assert found["s"].dtype == DTYPES[datatype]


def test_names_of_the_signature_come_before_a_sparse_tensor() -> None:
    names = ("shape", "data", "indices")
    signature = Signature(tuple(TensorSpec(name, "INT64", (-1, 1)) for name in names))
    assert dense({"instances": [sparse([1], [2], [3])]}, signature)["indices"].tolist() == [[3]]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (sparse([], [], []), "shape"),
        (sparse(5, [], []), "shape"),
        (sparse([-1], [], []), "shape"),
        (sparse([2.0], [], []), "shape"),
        (sparse([True], [], []), "shape"),
        (sparse([1] * 32, [], []), "shape"),
        (sparse([2**63, 2**63], [], []), "shape"),
        (sparse([2], 1, [[0]]), "data"),
        (sparse([2], [None], [[0]]), "data"),
        (sparse([2], [10**40], [[0]]), "data"),
        (sparse([2], [1], [0]), "indices"),
        (sparse([2], [1], [[0, 0]]), "indices"),
        (sparse([2], [1], [[0], [1]]), "indices"),
        (sparse([2], [1], 0), "indices"),
        (sparse([2], [1], [[2]]), "indices"),
        (sparse([2], [1], [[-1]]), "indices"),
        (sparse([2], [1], [[10**30]]), "indices"),
        (sparse([2], [1], [[0.0]]), "indices"),
        (sparse([2], [1], [[True]]), "indices"),
        (sparse([2, 9], [1], [[3, 1]]), "indices"),
        (sparse([0], [1], [[0]]), "indices"),
        (sparse([2], [1, 2], [[1], [1]]), "indices"),
    ],
)
def test_a_broken_sparse_tensor_is_refused_by_the_name_of_its_part(part: Any, field: str) -> None:
    assert refused(part).field == f"instances.s.{field}"


def test_texts_have_no_sparse_form() -> None:
    assert refused(sparse([2], ["a"], [[0]])).field == "instances.s"


def test_rows_are_all_sparse_and_of_one_shape() -> None:
    both = read({"instances": [{"s": sparse([2], [1], [[0]])}, {"s": [1, 2]}]})
    shapes = read({"instances": [{"s": sparse([2], [1], [[0]])}, {"s": sparse([3], [1], [[0]])}]})
    assert isinstance(both, Failure)
    assert isinstance(shapes, Failure)
    assert (both.field, shapes.field) == ("instances.s", "instances.s.shape")


@pytest.mark.parametrize("shape", [[2**24 + 1], [2**40], [2**12, 2**13], [2**48]])
def test_a_few_bytes_do_not_become_gigabytes(shape: list[int]) -> None:
    failure = refused(sparse(shape, [], []))
    assert failure.field == "instances.s"
    assert str(MAX_DENSE_ELEMENTS) in failure.message


def test_the_bound_holds_for_all_rows_and_inputs_together() -> None:
    half = sparse([2**23 + 1], [], [])
    for body in (
        {"instances": [half, half]},
        {"instances": [{"a": half, "b": half}]},
        {"columns": {"a": [half], "b": [half]}},
    ):
        assert isinstance(read(body), Failure)
