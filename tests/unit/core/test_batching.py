from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.batching import cut

sizes_and_limit = st.tuples(st.lists(st.integers(1, 20), max_size=40), st.integers(1, 30))


@given(sizes_and_limit)
def test_every_item_is_in_exactly_one_slice_in_order(case: tuple[list[int], int]) -> None:
    sizes, limit = case
    assert [index for part in cut(sizes, limit) for index in range(len(sizes))[part]] == list(
        range(len(sizes))
    )


@given(sizes_and_limit)
def test_only_a_single_item_may_exceed_the_limit(case: tuple[list[int], int]) -> None:
    sizes, limit = case
    for part in cut(sizes, limit):
        assert sum(sizes[part]) <= limit or part.stop - part.start == 1


@given(sizes_and_limit)
def test_no_slice_could_take_its_neighbours_first_item(case: tuple[list[int], int]) -> None:
    sizes, limit = case
    slices = cut(sizes, limit)
    for part, following in pairwise(slices):
        assert sum(sizes[part]) + sizes[following.start] > limit
