"""A window tells repeats within its bounds, and never takes a record for its own repeat."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.window import ENTRY_BYTES, Window

SPAN = 1_000


def window(entries: bytes = b"", capacity: int = 4) -> Window:
    """Return a window of four ids and one second."""
    return Window(entries, capacity, SPAN)


def test_the_second_record_of_an_id_is_a_repeat() -> None:
    one = window()
    assert one.admits("a", "t-0-1", 5_000)
    assert not one.admits("a", "t-0-2", 5_000)
    assert one.admits("b", "t-0-3", 5_000)


def test_a_record_that_is_delivered_again_is_not_its_own_repeat() -> None:
    one = window()
    assert one.admits("a", "t-0-1", 5_000)
    assert one.admits("a", "t-0-1", 5_000)
    assert not one.admits("a", "t-0-2", 5_000)


def test_an_id_may_be_used_again_after_the_span() -> None:
    one = window()
    assert one.admits("a", "t-0-1", 5_000)
    assert not one.admits("a", "t-0-2", 5_000 + SPAN)
    assert one.admits("a", "t-0-3", 5_001 + SPAN)
    assert not one.admits("a", "t-0-4", 5_002 + SPAN)


def test_a_clock_from_another_age_is_no_error_and_makes_nobody_else_forgotten() -> None:
    one = window()
    assert one.admits("a", "t-0-1", 5_000)
    assert one.admits("b", "t-0-2", 2**63)
    assert one.admits("c", "t-0-3", -1)
    assert not one.admits("a", "t-0-4", 5_000)
    assert window(one.to_bytes()).admits("c", "t-0-3", -1)


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(1, 8))
def test_within_so_many_ids_every_repeat_is_told_also_across_calls(ids: list[int], capacity: int) -> None:
    entries, since = b"", dict[int, set[int]]()
    for offset, number in enumerate(ids):
        one = window(entries, capacity)
        admitted = one.admits(str(number), f"t-0-{offset}", 5_000)
        entries = one.to_bytes()
        assert len(entries) <= capacity * ENTRY_BYTES
        if number in since and len(since[number]) < capacity:
            assert not admitted
        if number not in since:
            assert admitted
        if admitted:
            since[number] = set()
            for others in since.values():
                others.add(number)
            since[number].discard(number)
