from __future__ import annotations

from pointsman.runtimes.base import Key
from pointsman.runtimes.pool import Pool

A, B, C = (Key("m", name, 1) for name in "abc")


def test_the_least_recently_used_goes_first() -> None:
    pool = Pool(100)
    assert pool.add(A, 40) == pool.add(B, 40) == []
    pool.touch(A)
    assert pool.add(C, 40) == [B]
    assert A in pool
    assert pool.total == 80


def test_as_many_go_as_needed() -> None:
    pool = Pool(100)
    pool.add(A, 40)
    pool.add(B, 40)
    assert pool.add(C, 90) == [A, B]


def test_one_that_is_too_large_alone_stays() -> None:
    pool = Pool(100)
    pool.add(A, 40)
    assert pool.add(B, 500) == [A]
    assert B in pool


def test_adding_again_replaces_the_size() -> None:
    pool = Pool(100)
    pool.add(A, 40)
    pool.add(A, 60)
    assert pool.total == 60
    pool.discard(A)
    pool.discard(A)
    assert pool.total == 0
