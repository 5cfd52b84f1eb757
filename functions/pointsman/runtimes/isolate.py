"""Finds the items that make a model fail, so that their neighbours are answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Final, TypeAlias

from pointsman.core.tensor import Item
from pointsman.core.tensor import rows as rows_of
from pointsman.errors import Failure
from pointsman.runtimes.base import Fault, Result

Attempt: TypeAlias = Callable[[Sequence[Item]], Sequence[Result]]

# A model that fails whatever it is given must not hold its thread for long.
PATIENCE_S: Final = 2.0


def isolated(
    attempt: Attempt, items: Sequence[Item], clock: Callable[[], float] = time.monotonic
) -> list[Result]:
    """Return one result per item: what `attempt` gives, where necessary for fewer items at a time.

    `attempt` raises Fault where it has no result for its items.
    """
    try:
        return list(attempt(items))
    except Fault as fault:
        return rescued(attempt, items, fault, clock)


def rescued(
    attempt: Attempt, items: Sequence[Item], fault: Fault, clock: Callable[[], float] = time.monotonic
) -> list[Result]:
    """Return one result per item after `attempt` failed for them together with `fault`.

    They are halved until the culprits are alone; what still fails together after PATIENCE_S seconds fails
    as a whole.
    """
    if len(items) == 1 or fault.final:
        return [fault.failure] * len(items)
    if fault.rows:
        return _without(attempt, items, fault.rows, clock)
    over = clock() + PATIENCE_S
    results: list[Result] = []
    waiting = _halves(items)[::-1]
    while waiting:
        part = waiting.pop()
        try:
            results += attempt(part)
        except Fault as again:
            if len(part) == 1 or again.final or clock() >= over:
                results += [again.failure] * len(part)
            elif again.rows:
                results += _without(attempt, part, again.rows, clock)
            else:
                waiting += _halves(part)[::-1]
    return results


def _without(
    attempt: Attempt, items: Sequence[Item], rows: Mapping[int, Failure], clock: Callable[[], float]
) -> list[Result]:
    """Return the results where it is known which rows are to blame: theirs, and what the others give."""
    ends = accumulate(map(rows_of, items))
    blamed = [
        next((rows[row] for row in range(end - rows_of(item), end) if row in rows), None)
        for item, end in zip(items, ends, strict=True)
    ]
    rest = [item for item, failure in zip(items, blamed, strict=True) if failure is None]
    if len(rest) == len(items):
        return [next(iter(rows.values()))] * len(items)
    others = iter(isolated(attempt, rest, clock) if rest else ())
    return [next(others) if failure is None else failure for failure in blamed]


def _halves(items: Sequence[Item]) -> list[Sequence[Item]]:
    middle = len(items) // 2
    return [items[:middle], items[middle:]]
