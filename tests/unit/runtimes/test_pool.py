from __future__ import annotations

from pointsman.runtimes.base import Key
from pointsman.runtimes.pool import Memory, Pool

A, B, C = (Key("m", name, 1) for name in "abc")


def test_the_least_recently_used_comes_first() -> None:
    pool = Pool(100)
    pool.add(A, 40)
    pool.add(B, 40)
    pool.touch(A)
    assert list(pool) == [B, A]
    assert A in pool
    assert C not in pool


def test_what_is_loading_and_what_has_not_left_counts() -> None:
    pool = Pool(100)
    pool.add(A, 40)
    pool.reserve(B, 50)
    assert pool.lacks(10) == 0
    pool.put_out(A)
    assert (pool.leaving, pool.lacks(11)) == (40, 1)
    pool.left(40)
    assert (pool.leaving, pool.lacks(50)) == (0, 0)
    pool.add(B, 55)  # it turned out larger
    assert pool.memory == Memory(55, 90, 100)


def test_a_load_that_comes_to_nothing_is_forgotten() -> None:
    pool = Pool(100)
    pool.reserve(A, 40)
    pool.unreserve(A)
    pool.unreserve(A)
    pool.reserve(B, 40)
    pool.pass_by(B, 60)  # loaded, and released meanwhile
    assert (pool.memory.total, pool.leaving) == (60, 60)
    pool.left(60)
    assert pool.memory == Memory(0, 60, 100)


def test_adding_again_lets_the_old_one_leave() -> None:
    pool = Pool(100)
    pool.add(A, 40)
    pool.add(A, 60)
    assert (pool.memory.total, pool.leaving) == (100, 40)
    pool.put_out(A)
    pool.put_out(A)
    assert pool.leaving == 100


def test_what_is_pinned_leaves_less_room_for_others_and_all_of_it_to_itself() -> None:
    pool = Pool(100)
    pool.pin(A, 30)
    pool.pin(B, 20)
    assert (pool.room(A), pool.room(B), pool.room(C)) == (80, 70, 50)
    pool.add(A, 35)
    assert pool.room(C) == 45
    pool.unpin(A)
    assert (pool.room(C), pool.is_pinned(A), pool.is_pinned(B)) == (80, False, True)
