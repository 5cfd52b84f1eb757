from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.histogram import BUCKETS, MOST_US, RELATIVE_ERROR, bucket_of, middle_of, quantile

latencies = st.integers(0, MOST_US) | st.integers(0, 5000)


def counted(values: list[int]) -> list[int]:
    counts = [0] * BUCKETS
    for value in values:
        counts[bucket_of(value)] += 1
    return counts


@given(latencies)
def test_the_middle_of_a_bucket_is_near_every_value_in_it(micros: int) -> None:
    # Whatever fraction of a microsecond was cut off.
    for value in (micros, micros + 0.999):
        assert abs(middle_of(bucket_of(micros)) - value) <= max(0.5, RELATIVE_ERROR * value)


@given(latencies, latencies)
def test_buckets_are_in_the_order_of_what_they_hold(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert bucket_of(low) <= bucket_of(high)


def test_no_bucket_is_left_out_and_what_is_out_of_range_counts_at_its_end() -> None:
    firsts = [bucket_of(int(middle_of(bucket))) for bucket in range(BUCKETS)]
    assert firsts == list(range(BUCKETS))
    assert (bucket_of(-1), bucket_of(MOST_US), bucket_of(1 << 60)) == (0, BUCKETS - 1, BUCKETS - 1)


@given(st.lists(latencies, min_size=1, max_size=300), st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_the_exact_one_within_its_error(values: list[int], part: float) -> None:
    exact = sorted(values)[max(1, math.ceil(round(part * len(values), 6))) - 1]
    found = quantile(counted(values), part)
    assert found is not None
    assert abs(found - exact) <= max(0.5, RELATIVE_ERROR * exact)


def test_the_error_is_less_than_five_per_cent_and_nothing_has_no_quantile() -> None:
    assert RELATIVE_ERROR < 0.05
    assert quantile([0] * BUCKETS, 0.5) is None
