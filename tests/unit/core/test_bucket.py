"""The token bucket against one in exact fractions, and against what a bucket promises."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.bucket import Bucket

SECOND = 10**9
rates = st.one_of(st.integers(1, 50), st.integers(1, 10**9))
bursts = st.integers(1, 8)
# Short and long gaps, and none at all.
gaps = st.lists(st.one_of(st.just(0), st.integers(0, 3 * SECOND), st.integers(0, 10**13)), max_size=15)


class Reference:
    """A bucket in tokens, as fractions."""

    def __init__(self, per_1000_s: int, burst: int) -> None:
        self.rate, self.burst, self.level = Fraction(per_1000_s, 1000 * SECOND), burst, Fraction(burst)

    def after(self, gap_ns: int) -> bool:
        self.level = min(Fraction(self.burst), self.level + gap_ns * self.rate)
        taken = self.level >= 1
        self.level -= taken
        return taken


@given(rates, bursts, gaps, st.integers(0, 10**18))
def test_it_takes_exactly_when_the_reference_does(rate: int, burst: int, waits: list[int], now: int) -> None:
    bucket, reference = Bucket(rate, burst, now), Reference(rate, burst)
    for gap in waits:
        now += gap
        assert (bucket.take(now) == 0) == reference.after(gap)


@given(rates, bursts, gaps)
def test_the_wait_that_it_names_is_enough_and_no_nanosecond_less_is(
    rate: int, burst: int, waits: list[int]
) -> None:
    bucket, now = Bucket(rate, burst, 0), 0
    for gap in waits:
        now += gap
        if wait := bucket.take(now):
            assert bucket.take(now + wait - 1) == 1
            now += wait
            assert bucket.take(now) == 0


@given(rates, bursts, gaps)
def test_no_stretch_of_time_has_more_than_the_burst_and_its_share_of_the_rate(
    rate: int, burst: int, waits: list[int]
) -> None:
    bucket, now = Bucket(rate, burst, 0), 0
    taken: list[int] = []
    for gap in waits:
        now += gap
        if not bucket.take(now):
            taken.append(now)
    for first, begin in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= burst + Fraction(end - begin) * rate / (1000 * SECOND)


def test_a_full_bucket_gives_its_burst_at_once_and_then_names_the_time_to_the_next_token() -> None:
    bucket = Bucket(3_000, 2, 0)
    assert [bucket.take(0) for _ in range(3)] == [0, 0, 333_333_334]


def test_a_clock_that_went_back_earns_nothing_and_owes_nothing() -> None:
    bucket = Bucket(1_000, 1, 5 * SECOND)
    assert bucket.take(5 * SECOND) == 0
    assert bucket.take(SECOND) == SECOND
    assert bucket.take(6 * SECOND) == 0


def test_other_limits_keep_what_was_spent() -> None:
    bucket = Bucket(1_000, 4, 0)
    assert [bucket.take(0) for _ in range(3)] == [0, 0, 0]
    bucket.change(2_000, 100, 0)
    assert [bucket.take(0) for _ in range(2)] == [0, SECOND // 2]


def test_a_smaller_burst_caps_what_was_saved() -> None:
    bucket = Bucket(1_000, 50, 0)
    bucket.change(1_000, 2, 0)
    assert [bucket.take(0) for _ in range(3)] == [0, 0, SECOND]
