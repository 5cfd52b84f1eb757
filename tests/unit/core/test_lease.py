from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.lease import LEASE_MS, Claim, after, free


def held_after(*claims: Claim) -> dict[int, Claim]:
    return reduce(after, claims, {})


def test_the_first_of_two_claims_is_valid() -> None:
    assert held_after(Claim(3, "a", 100), Claim(3, "b", 101))[3].holder == "a"


def test_who_renews_in_time_keeps_it() -> None:
    claims = [Claim(3, "a", at) for at in range(0, 5 * LEASE_MS, LEASE_MS)]
    assert held_after(*claims, Claim(3, "b", 4 * LEASE_MS + 1))[3].holder == "a"


def test_a_refused_claim_does_not_prolong_the_holders() -> None:
    claims = (Claim(3, "a", 0), Claim(3, "b", LEASE_MS), Claim(3, "c", LEASE_MS + 1))
    assert held_after(*claims)[3].holder == "c"


def test_who_was_silent_for_too_long_keeps_what_nobody_else_claimed() -> None:
    assert held_after(Claim(3, "a", 0), Claim(3, "a", 9 * LEASE_MS))[3] == Claim(3, "a", 9 * LEASE_MS)


def test_who_leaves_makes_room_at_once_and_only_its_own() -> None:
    leaves = Claim(3, "a", 1, leaves=True)
    assert held_after(Claim(3, "a", 0), leaves, Claim(3, "b", 2))[3].holder == "b"
    assert held_after(Claim(3, "b", 0), leaves)[3].holder == "b"


def test_what_is_held_and_not_outlived_is_not_free() -> None:
    held = held_after(Claim(0, "a", 0), Claim(2, "b", 1))
    assert free(held, 4, LEASE_MS) == [1, 3]
    assert free(held, 4, LEASE_MS + 1) == [0, 1, 3]


CLAIMS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from("abc"), st.integers(0, LEASE_MS), st.booleans()), max_size=40
)


@given(CLAIMS)
def test_nobody_loses_what_it_claimed_less_than_a_lease_ago(
    drawn: Sequence[tuple[int, str, int, bool]],
) -> None:
    held: dict[int, Claim] = {}
    now = 0
    for thing, holder, later, leaves in drawn:
        now += later
        before = held.get(thing)
        held = after(held, Claim(thing, holder, now, leaves))
        if before is not None and before.holder != holder and now - before.at_ms <= LEASE_MS:
            assert held[thing] == before
