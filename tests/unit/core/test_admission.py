"""Room in time: found while work waits, forgotten when it does not, and never more than can be answered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.admission import (
    LONGEST_MS,
    PASSES,
    PATIENCE,
    SILENCE_MS,
    TARGET_MS,
    Drain,
    Word,
    heard,
    room,
)

START = 1_000_000


def watched(rate: int, seconds: float, wait_ms: int = 300, every_ms: int = 100, pass_ms: int = 20) -> Drain:
    """Return what is known of a version after it worked at a rate for a time, with work waiting."""
    drain = Drain(at_ms=START)
    for step in range(1, int(seconds * 1000 / every_ms) + 1):
        now = START + step * every_ms
        drain = heard(drain, Word(rate * step * every_ms // 1000, wait_ms, pass_ms), now)
    return drain


@given(rate=st.integers(20, 50_000), every_ms=st.integers(50, 500))
def test_the_rate_of_a_busy_version_is_found(rate: int, every_ms: int) -> None:
    drain = watched(rate, 3, every_ms=every_ms)
    assert abs(drain.per_s - rate) <= max(0.02 * rate, 1_000 / every_ms)


@given(rate=st.integers(1, 25), pass_ms=st.integers(0, 1_000), share=st.sampled_from([0.0, 0.5, 1.0]))
def test_a_version_that_is_asked_seldom_takes_as_many_at_once_as_are_done_in_time_one_by_one(
    rate: int, pass_ms: int, share: float
) -> None:
    drain = watched(rate, 5, wait_ms=10_000, every_ms=1_000, pass_ms=pass_ms)
    left = room(drain.done, drain, drain.at_ms)
    assert left is not None
    admitted = sum(left.admits(round(share * drain.target_ms / PATIENCE)) for _ in range(1_000))
    least = PASSES * (share or 1)
    assert admitted == int(max(least, (share or 1) * drain.target_ms * drain.per_s / 1000)) + 1
    assert least * pass_ms <= (share or 1) * drain.target_ms


@given(rate=st.integers(1, 50_000), wait_ms=st.integers(0, 119))
def test_a_version_for_which_nothing_waits_has_no_bound_however_slow_its_requests_come(
    rate: int, wait_ms: int
) -> None:
    assert room(10**9, watched(rate, 1, wait_ms=wait_ms), START + 1_000) is None


@given(left_ms=st.integers(4_000, 10**9), pass_ms=st.sampled_from([0, 20, 1_000]))
def test_who_is_patient_may_wait_longer_but_not_for_ever(left_ms: int, pass_ms: int) -> None:
    drain = watched(1_000, 2, wait_ms=10_000, pass_ms=pass_ms)
    left = room(drain.done, drain, drain.at_ms)
    assert left is not None
    most = min(max(drain.target_ms, LONGEST_MS), left_ms * PATIENCE)
    admitted = 0
    while left.admits(left_ms):
        admitted += 1
    assert abs(admitted - most * drain.per_s / 1000) <= 1
    assert not left.admits(1_000)  # who has a second left comes too late


@given(rate=st.integers(50, 20_000), asked=st.integers(0, 30_000))
def test_as_many_are_admitted_as_are_answered_within_the_target(rate: int, asked: int) -> None:
    drain = watched(rate, 2)
    left = room(drain.done, drain, drain.at_ms)
    assert left is not None
    admitted = sum(left.admits(0) for _ in range(asked))
    most = drain.per_s * TARGET_MS / 1000
    assert admitted == min(asked, int(most) + 1)
    assert left.wait_ms <= TARGET_MS + 1_000 / drain.per_s + 1


@given(left_ms=st.integers(1, 3_000), waiting=st.integers(0, 1_000))
def test_a_part_of_what_is_left_to_a_deadline_bounds_the_wait(left_ms: int, waiting: int) -> None:
    drain = watched(1_000, 2)
    left = room(drain.done + waiting, drain, drain.at_ms)
    assert left is not None
    assert left.admits(left_ms) == (waiting <= left_ms * PATIENCE * drain.per_s / 1000)


def test_between_reports_a_version_works_on_but_not_for_ever() -> None:
    drain = watched(1_000, 2)
    waits = []
    for silent_ms in (0, 100, SILENCE_MS, 60_000):
        left = room(drain.done + 1_500, drain, drain.at_ms + silent_ms)
        assert left is not None
        waits.append(left.wait_ms)
    assert waits == [1_500, 1_400, 500, 500]


def test_what_is_sent_whatever_its_wait_takes_room_from_others() -> None:
    drain = watched(1_000, 2)
    left = room(drain.done, drain, drain.at_ms)
    assert left is not None
    for _ in range(500):
        left.take()
    assert not left.admits(0)


def test_a_slow_pass_has_a_longer_target() -> None:
    assert watched(3, 3, wait_ms=3_000, pass_ms=600).target_ms == PASSES * 600


@given(pass_ms=st.integers(0, 5_000))
def test_a_lone_request_at_a_slow_model_is_no_queue(pass_ms: int) -> None:
    drain = watched(1, 5, wait_ms=pass_ms + pass_ms // 2, every_ms=1_000, pass_ms=pass_ms)
    assert room(10**6, drain, START + 5_000) is None


def test_an_idle_time_before_the_first_wait_does_not_count_as_slowness() -> None:
    drain = heard(Drain(5, START, 0.0), Word(105, 300, 20), START + 60_000)
    assert drain.per_s == 0
    assert abs(heard(drain, Word(205, 300, 20), START + 60_100).per_s - 1_000) < 1


def test_reports_in_quick_succession_are_one_sample() -> None:
    drain = watched(1_000, 1)
    for step in range(40):
        assert heard(drain, Word(drain.done + step, 300, 20), drain.at_ms + step) == drain


@given(
    words=st.lists(
        st.tuples(
            st.integers(0, 2**40), st.integers(0, 10**6), st.integers(0, 10**5), st.integers(-1000, 10**6)
        ),
        max_size=30,
    )
)
def test_no_sequence_of_reports_breaks_it(words: list[tuple[int, int, int, int]]) -> None:
    drain, now = Drain(), START
    for done, wait_ms, pass_ms, step in words:
        now += step
        drain = heard(drain, Word(done, wait_ms, pass_ms), now)
        left = room(done + 10, drain, now)
        assert drain.per_s >= 0
        if left is not None:
            assert left.wait_ms >= 0
            assert left.admits(0) in (True, False)
