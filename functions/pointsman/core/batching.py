"""Which neighbours share a forward pass."""

from __future__ import annotations

from collections.abc import Sequence


def cut(sizes: Sequence[int], limit: int) -> list[slice]:
    """Return consecutive slices over all items, each of at most `limit` rows together.

    `sizes` are the items' rows. An item is never divided: one with more rows than `limit` is alone in
    its slice. Greedy, so no slice could take in its right neighbour's first item.
    """
    if sum(sizes) <= limit:
        return [slice(0, len(sizes))] if sizes else []
    slices: list[slice] = []
    start = total = 0
    for index, size in enumerate(sizes):
        if index > start and total + size > limit:
            slices.append(slice(start, index))
            start, total = index, 0
        total += size
    slices.append(slice(start, len(sizes)))
    return slices
