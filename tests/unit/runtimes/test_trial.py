from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.tensor import Item
from pointsman.errors import DEADLINE_EXCEEDED, INTERNAL, Failure
from pointsman.runtimes.base import UNRUN, Result
from pointsman.runtimes.trial import HUNG, PATIENCE_S, Ended, Trial, Unready

GOOD, KILLS, HANGS = "good", "kills", "hangs"


def item(number: int, rows: int = 1) -> Item:
    return {"x": np.full((rows, 2), number, "f4")}


class Process:
    """A process that dies or hangs with some items, counts that, and may be killed by others."""

    def __init__(self, kinds: Sequence[str], killed: Sequence[int] = ()) -> None:
        self.now = 0.0
        self.deaths = self.hangs = self.passes = 0
        self.largest = 0
        self._kinds = kinds
        self._killed = set(killed)

    def attempt(self, items: Sequence[Item]) -> list[Result]:
        """Return the items, if all of them let it."""
        self.passes += 1
        self.largest = max(self.largest, len(items))
        kinds = {self._kinds[int(one["x"].flat[0])] for one in items}
        if KILLS in kinds or self.passes in self._killed:
            self.deaths += 1
            raise Ended("SIGSEGV")
        if HANGS in kinds:
            self.hangs += 1
            self.now += 2 * PATIENCE_S
            raise Ended("")
        return list(items)

    def run(self, trial: Trial, numbers: Sequence[int], max_batch: int = 256) -> dict[int, Result]:
        """Return what became of the items, brought again until each has a result."""
        results: dict[int, Result] = {}
        left = list(numbers)
        for _ in range(4 * len(numbers) + 4):
            found = trial.run(self.attempt, [item(number) for number in left], max_batch)
            results |= {n: one for n, one in zip(left, found, strict=True) if one is not UNRUN}
            left = [number for number in left if number not in results]
            if not left:
                return results
        raise AssertionError(f"{left} never get a result")


KINDS = st.lists(st.sampled_from([GOOD] * 6 + [KILLS, HANGS]), min_size=1, max_size=60)


@given(KINDS, st.integers(1, 64))
def test_whoever_is_guilty_they_alone_are_convicted_at_few_deaths(kinds: list[str], max_batch: int) -> None:
    process = Process(kinds)
    results = process.run(Trial(lambda: process.now), range(len(kinds)), max_batch)
    for number, kind in enumerate(kinds):
        found = results[number]
        if kind == GOOD:
            assert isinstance(found, dict)
            assert found["x"].flat[0] == number
        else:
            assert isinstance(found, Failure)
            assert found.code == (INTERNAL if kind == KILLS else DEADLINE_EXCEEDED)
            assert not found.retryable
    assert process.deaths <= 3 * kinds.count(KILLS)
    assert process.hangs <= 2 * kinds.count(HANGS)
    assert process.largest <= max_batch


@given(KINDS, st.lists(st.integers(1, 60), max_size=6))
def test_nobody_is_convicted_for_a_death_that_others_caused(kinds: list[str], killed: list[int]) -> None:
    apart = [number for number in sorted(set(killed)) if number - 1 not in killed]
    process = Process(kinds, apart)
    results = process.run(Trial(lambda: process.now), range(len(kinds)))
    guilty = {number for number, kind in enumerate(kinds) if kind != GOOD}
    assert {number for number, found in results.items() if isinstance(found, Failure)} == guilty


def test_one_culprit_in_a_full_batch_costs_three_deaths() -> None:
    kinds = [GOOD] * 256
    kinds[100] = KILLS
    process = Process(kinds)
    results = process.run(Trial(lambda: process.now), range(256))
    assert results[100] == Failure(
        INTERNAL, "the request ended the model's process each time it was computed: SIGSEGV"
    )
    assert process.deaths == 3


def test_passes_grow_again_after_a_conviction() -> None:
    kinds = [KILLS, *[GOOD] * 255]
    process, trial = Process(kinds), Trial(lambda: 0.0)
    process.run(trial, range(256))
    process.passes = 0
    process.run(trial, range(1, 256))
    assert process.passes <= math.log2(256) + 1


def test_a_request_like_one_that_was_convicted_costs_one_death_more() -> None:
    process, trial = Process([KILLS]), Trial(lambda: 0.0)
    process.run(trial, [0])
    assert process.deaths == 2
    process.run(trial, [0])
    assert process.deaths == 3


def test_a_death_is_forgotten_when_its_request_lives_through_a_pass_alone() -> None:
    process, trial = Process([GOOD, GOOD], killed=[1, 3]), Trial(lambda: 0.0)
    assert isinstance(process.run(trial, [0])[0], dict)  # the first pass was ended by somebody
    assert isinstance(process.run(trial, [0])[0], dict)  # so was the third


def test_a_hang_takes_the_time_of_a_call_and_the_rest_is_for_another() -> None:
    process = Process([GOOD, HANGS, GOOD])
    trial = Trial(lambda: process.now)
    items = [item(number) for number in range(3)]
    assert all(result is UNRUN for result in trial.run(process.attempt, items, 256))
    first, second, third = trial.run(process.attempt, items, 256)
    assert isinstance(first, dict)
    assert second == HUNG
    assert third is UNRUN


def test_without_a_process_nothing_is_run() -> None:
    def attempt(_: Sequence[Item]) -> list[Result]:
        raise Unready

    assert all(result is UNRUN for result in Trial().run(attempt, [item(0), item(1)], 8))


@pytest.mark.parametrize("rows", [1, 5])
def test_no_pass_holds_more_rows_than_it_may(rows: int) -> None:
    sizes: list[int] = []

    def attempt(items: Sequence[Item]) -> list[Result]:
        sizes.append(sum(len(one["x"]) for one in items))
        return list(items)

    results = Trial().run(attempt, [item(number, rows) for number in range(9)], 4)
    assert len(results) == 9
    assert max(sizes) == max(rows, 4)
