"""Micro-batches for tensor frameworks: many callers' rows, one forward pass, each caller's rows back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

from pointsman.core.batching import cut
from pointsman.core.tensor import Array, Item
from pointsman.core.tensor import rows as rows_of
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.runtimes.base import Fault, Result, broken, raised
from pointsman.runtimes.isolate import Attempt, isolated, rescued

# A model's code is foreign: what it returns is looked at, whatever it promised.
Forward: TypeAlias = Callable[[Item], object]
_Layout: TypeAlias = tuple[tuple[str, np.dtype[Any], tuple[int, ...]], ...]


def infer_batched(forward: Forward, items: Sequence[Item], max_batch: int) -> list[Result]:
    """Return one result per item, in order; `forward` sees at most `max_batch` rows at a time.

    Items of one layout (names, dtypes, shapes but for the rows) are concatenated along the first
    dimension. `forward` returns arrays with as many rows as it was given; where it raises or breaks this,
    the items to blame are searched for and the others answered.
    """
    if not items:
        return []
    attempt = partial(_attempt, forward, max_batch)
    try:
        batch, sizes = _joined(items)  # nearly always all are alike: the cheapest test is to join them
    except _NotAlike:
        return _infer_mixed(attempt, items, max_batch)
    except Fault as fault:
        return rescued(attempt, items, fault)
    if sum(sizes) > max_batch:
        return _infer_sliced(attempt, items, sizes, max_batch)
    try:
        return _parted(_checked(forward, batch, sum(sizes)), sizes)
    except Fault as fault:
        return rescued(attempt, items, fault)


class _NotAlike(Exception):
    """These items cannot be concatenated."""


def _infer_mixed(attempt: Attempt, items: Sequence[Item], max_batch: int) -> list[Result]:
    groups: dict[_Layout, list[int]] = {}
    results: dict[int, Result] = {}
    for index, item in enumerate(items):
        fault = _fault(item)
        if fault is None:
            groups.setdefault(_layout(item), []).append(index)
        else:
            results[index] = fault
    for indexes in groups.values():
        alike = [items[index] for index in indexes]
        answers = _infer_sliced(attempt, alike, list(map(rows_of, alike)), max_batch)
        results.update(zip(indexes, answers, strict=True))
    return [results[index] for index in range(len(items))]


def _infer_sliced(
    attempt: Attempt, items: Sequence[Item], sizes: Sequence[int], max_batch: int
) -> list[Result]:
    return [result for part in cut(sizes, max_batch) for result in isolated(attempt, items[part])]


def _attempt(forward: Forward, max_batch: int, items: Sequence[Item]) -> list[Result]:
    batch, sizes = _joined(items)
    rows = sum(sizes)
    if rows <= max_batch:
        return _parted(_checked(forward, batch, rows), sizes)
    return [_in_pieces(forward, batch, rows, max_batch)]


def _in_pieces(forward: Forward, batch: Item, rows: int, max_batch: int) -> Item:
    """Run one item that is larger than the limit."""
    pieces = []
    for at in range(0, rows, max_batch):
        piece = {name: array[at : at + max_batch] for name, array in batch.items()}
        pieces.append(_checked(forward, piece, min(max_batch, rows - at)))
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _joined(items: Sequence[Item]) -> tuple[Item, list[int]]:
    """Return the items' rows below each other, a copy that the model may write to, and each item's rows."""
    first = items[0]
    batch: Item = {}
    sizes: list[int] | None = None
    try:
        for name, array in first.items():
            column = list(map(itemgetter(name), items))
            batch[name] = np.concatenate(column, dtype=array.dtype, casting="no")
            rows = list(map(len, column))
            if sizes is not None and rows != sizes:
                raise _NotAlike
            sizes = rows
    except (KeyError, ValueError, TypeError):
        raise _NotAlike from None
    except MemoryError as error:
        raise Fault(raised(error)) from error  # fewer may fit
    if sizes is None or set(map(len, items)) != {len(first)}:
        raise _NotAlike
    return batch, sizes


def _checked(forward: Forward, batch: Item, rows: int) -> Item:
    try:
        outputs = forward(batch)
    except Fault:
        raise
    except (Exception, SystemExit) as error:
        raise Fault(raised(error)) from error
    if not isinstance(outputs, dict) or not outputs:
        raise Fault(broken(f"the model returned {type(outputs).__name__}, not arrays by name"))
    for name, array in outputs.items():
        if not isinstance(name, str):
            raise Fault(broken(f"the model returned an output named {name!r}, which is no text"))
        if not isinstance(array, np.ndarray):
            raise Fault(broken(f"the model returned {type(array).__name__} as {name!r}, not an array"))
        if array.ndim == 0 or len(array) != rows:
            shape = list(array.shape)
            raise Fault(broken(f"the model returned {name!r} of shape {shape} for {rows} rows"))
    return outputs


def _parted(outputs: Item, sizes: Sequence[int]) -> list[Result]:
    columns = [_rows(array, sizes) for array in outputs.values()]
    if len(columns) == 1:
        (name,) = outputs
        return [{name: array} for array in columns[0]]
    return [dict(zip(outputs, arrays, strict=True)) for arrays in zip(*columns, strict=True)]


def _rows(array: Array, sizes: Sequence[int]) -> list[Array]:
    if len(array) == len(sizes) and min(sizes) == 1:
        return list(array[:, np.newaxis])  # one row each: iterating is several times faster than slicing
    ends = list(accumulate(sizes))
    return [array[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _fault(item: Item) -> Failure | None:
    if not item:
        return Failure(INVALID_ARGUMENT, "the request holds no tensor")
    for name, array in item.items():
        if array.ndim == 0:
            return Failure(INVALID_ARGUMENT, "a tensor's first dimension is the rows; it has none", name)
        if len(array) != rows_of(item):
            return Failure(INVALID_ARGUMENT, "all tensors of a request have the same number of rows", name)
    return None


def _layout(item: Item) -> _Layout:
    return tuple(sorted((name, array.dtype, array.shape[1:]) for name, array in item.items()))


def warm_batched(forward: Forward, item: Item, max_batch: int) -> Result:
    """Return the result for an example, after a pass alone and one with the example twice.

    A network that works on one row only would otherwise be found out by its first full batch.
    """
    fault = _fault(item)
    if fault is not None:
        return fault
    [result] = infer_batched(forward, [item], max_batch)
    if isinstance(result, Failure) or 2 * rows_of(item) > max_batch:
        return result
    try:
        _attempt(forward, max_batch, [item, item])
    except Fault as twice:
        rows = rows_of(item)
        return broken(f"{rows} rows pass, {2 * rows} do not; set max_batch: {twice.failure.message}")
    return result
