"""Properties of the split that every experiment rests on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core import split

names = st.text("abcdefghij0123456789", min_size=1, max_size=6)
weights = st.dictionaries(names, st.integers(1, split.MAX_WEIGHT), min_size=1, max_size=6)
units = st.lists(st.text(max_size=20), max_size=60)
USERS = [f"user-{n}" for n in range(20_000)]


@given(names, weights, units)
def test_many_units_are_drawn_as_one_by_one(experiment: str, table: dict[str, int], users: list[str]) -> None:
    arms = split.arms(experiment, table)
    assert split.draw_many(arms, users) == [split.draw(arms, user) for user in users]


@given(st.lists(st.integers(0, split.MASK), min_size=1, max_size=50))
def test_the_vector_form_of_a_cost_is_the_scalar_one(values: list[int]) -> None:
    vector = split._costs(np.array(values, dtype=np.uint64)).tolist()
    assert vector == [split._cost(split._mix(value)) for value in values]


@given(st.integers(0, split.MASK))
def test_a_cost_is_positive_and_its_products_fit_64_bits(value: int) -> None:
    assert 0 < split._cost(value) * split.MAX_WEIGHT < 2**64


@given(names, weights, st.lists(st.text(max_size=8), min_size=1, max_size=40), st.data())
def test_a_unit_moves_only_to_an_arm_whose_weight_grew_against_its_own(
    experiment: str, before: dict[str, int], users: list[str], data: st.DataObject
) -> None:
    after = {arm: data.draw(st.integers(0, split.MAX_WEIGHT), label=arm) for arm in before}
    after[data.draw(st.sampled_from(sorted(before)))] = 1
    old, new = split.arms(experiment, before), split.arms(experiment, after)
    for user in users:
        was, now = old.names[split.draw(old, user)], new.names[split.draw(new, user)]
        if was != now:
            assert after[now] * before[was] > before[now] * after[was]


@given(names, weights, units)
def test_an_arm_of_weight_zero_gets_nothing(experiment: str, table: dict[str, int], users: list[str]) -> None:
    with_zero = split.arms(experiment, {**table, "zero-arm": 0})
    assert with_zero == split.arms(experiment, table)
    assert all(with_zero.names[index] != "zero-arm" for index in split.draw_many(with_zero, users))


@given(names, weights, st.text(max_size=20), st.integers(1, 10))
def test_only_the_ratio_of_the_weights_counts(
    experiment: str, table: dict[str, int], unit: str, by: int
) -> None:
    small = {arm: weight // 10 + 1 for arm, weight in table.items()}
    large = {arm: weight * by for arm, weight in small.items()}
    assert split.draw(split.arms(experiment, small), unit) == split.draw(split.arms(experiment, large), unit)


@pytest.mark.parametrize(
    "table", [{"1": 90, "2": 10}, {"1": 1, "2": 1}, {"a": 1, "b": 2, "c": 3, "d": 4}, {"x": 1, "y": 999}]
)
def test_shares_converge_to_the_weights(table: dict[str, int]) -> None:
    arms = split.arms("shares", table)
    counts = Counter(arms.names[index] for index in split.draw_many(arms, USERS))
    for arm, weight in table.items():
        share = weight / sum(table.values())
        sigma = (share * (1 - share) / len(USERS)) ** 0.5
        assert abs(counts[arm] / len(USERS) - share) < 4 * sigma


def test_two_experiments_split_independently() -> None:
    one, other = split.arms("one", {"a": 1, "b": 1}), split.arms("other", {"a": 1, "b": 1})
    same = np.mean(np.array(split.draw_many(one, USERS)) == np.array(split.draw_many(other, USERS)))
    assert abs(same - 0.5) < 0.02


def test_moving_from_90_10_to_80_20_moves_a_tenth_of_the_units_and_none_back() -> None:
    before, after = split.arms("m", {"1": 90, "2": 10}), split.arms("m", {"1": 80, "2": 20})
    pairs = Counter(zip(split.draw_many(before, USERS), split.draw_many(after, USERS), strict=True))
    assert pairs[1, 0] == 0
    assert abs(pairs[0, 1] / len(USERS) - 0.1) < 0.01
