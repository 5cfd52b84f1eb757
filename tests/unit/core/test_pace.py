"""How much of a model may be decided and unfinished at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.pace import (
    FIRST,
    LEAST,
    MEASURED_MS,
    MOST,
    MOST_BYTES,
    MOST_MESSAGES,
    TARGET_S,
    Pace,
    Work,
    paced,
    room,
)


def settled(
    rate: float, pace: Pace | None = None, *, every_ms: int = 250, rounds: int = 40, shards: int = 1
) -> Pace:
    """Return the pace after reports of shards that together do so many requests in a second of work."""
    busy, done, now = 1_000, 0.0, 5_000
    pace = pace or Pace()
    for _ in range(rounds):
        pace = paced(pace, Work(round(done), busy, shards), now, is_pressed=True)
        busy += every_ms * shards
        now += every_ms
        done += rate * every_ms / 1000
    return pace


@given(st.floats(LEAST / TARGET_S, MOST / TARGET_S), st.integers(1, 8))
def test_the_bound_becomes_what_is_done_in_a_third_of_a_second(rate: float, shards: int) -> None:
    assert abs(settled(rate, shards=shards).limit - rate * TARGET_S) <= 0.01 * rate * TARGET_S + 2


@given(st.floats(0, 60), st.floats(1, 1e5))
def test_a_slow_way_to_the_shards_and_back_does_not_lower_the_bound(way_s: float, rate: float) -> None:
    pace, done, busy_s, now_s = Pace(), 0, 1.0, 1.0
    for _ in range(40):  # each round all that may be in flight is worked off; the way takes no shard's time
        pace = paced(pace, Work(done, round(busy_s * 1000), 1), round(now_s * 1000), is_pressed=True)
        done += pace.limit
        busy_s += pace.limit / rate
        now_s += pace.limit / rate + way_s
    assert pace.limit >= min(MOST, max(LEAST, 0.95 * rate * TARGET_S))


def test_shards_that_idle_do_not_lower_the_bound() -> None:
    begun = Pace(500, 10, 1_000, 5_000)
    assert paced(begun, Work(20, 1_300, 1), 5_700, is_pressed=True) == Pace(500, 20, 1_300, 5_700)
    assert paced(begun, Work(20, 1_300, 1), 5_300, is_pressed=True).limit < 200
    assert paced(begun, Work(20, 1_300, 8), 5_300, is_pressed=True).limit == 500


@given(st.floats(0, 1e7))
def test_the_bound_keeps_between_its_ends(rate: float) -> None:
    assert LEAST <= settled(rate).limit <= MOST


def test_a_model_that_got_slower_has_less_in_flight_within_a_second() -> None:
    fast = settled(20_000)
    slow = settled(1_000, fast._replace(at_ms=0), rounds=5)
    assert slow.limit < fast.limit / 4


def test_the_bound_stays_while_nothing_waits() -> None:
    pace = paced(Pace(500, 10, 1_000, 1), Work(10, 60_000, 1), 60_000, is_pressed=False)
    assert (pace.limit, pace.at_ms) == (500, 0)
    assert paced(pace, Work(11, 90_000, 1), 90_000, is_pressed=True).limit == 500


def test_a_measurement_takes_its_time() -> None:
    begun = Pace(500, 10, 1_000, 5_000)
    assert paced(begun, Work(999_999, 1_000 + MEASURED_MS - 1, 1), 6_000, is_pressed=True) == begun


def test_totals_that_began_anew_begin_a_new_measurement() -> None:
    begun = Pace(500, 1_000, 1_000, 1)
    assert paced(begun, Work(3, 5_000, 1), 6_000, is_pressed=True) == Pace(500, 3, 5_000, 6_000)
    assert paced(begun, Work(1_003, 5, 1), 6_000, is_pressed=True) == Pace(500, 1_003, 5, 6_000)


@given(
    st.lists(st.integers(0, 256 << 10), max_size=50),
    st.integers(0, 2 * FIRST),
    st.integers(0, 2 * MOST_BYTES),
)
def test_room_ends_at_the_count_and_with_the_record_that_fills_the_bytes(
    sizes: list[int], inflight: int, inflight_bytes: int
) -> None:
    left = room(Pace(), inflight, inflight_bytes, 0)
    taken = [size for size in sizes if left.takes(size)]
    assert len(taken) <= max(0, FIRST - inflight)
    assert sum(taken[:-1]) <= max(0, MOST_BYTES - inflight_bytes)


def test_a_shard_with_many_messages_takes_no_more() -> None:
    assert room(Pace(), 0, 0, MOST_MESSAGES - 1).takes(1)
    assert not room(Pace(), 0, 0, MOST_MESSAGES).takes(1)
