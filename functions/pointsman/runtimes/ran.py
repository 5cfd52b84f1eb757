"""What became of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pointsman.runtimes.base import Result
from pointsman.runtimes.resident import Passed


class Ran(msgspec.Struct):
    """One result per item, in order.

    `compute_us` is the time of its `passes` together, `rows` are the rows of the largest. `is_absent`
    says that nothing was computed because the version is not in this process yet; another one may have it.
    A result that is UNRUN stands for an item that should be brought again.
    """

    results: list[Result]
    compute_us: int
    rows: int
    is_absent: bool = False
    passes: int = 1


def ran(passed: Sequence[Passed], rows: Sequence[int], max_batch: int) -> Ran:
    """Return what became of a batch that was cut into passes, which held so many rows."""
    return Ran(
        [result for one in passed for result in one.results],
        sum(one.compute_us for one in passed),
        min(max_batch, max(rows, default=0)),
        passes=len(passed),
    )
