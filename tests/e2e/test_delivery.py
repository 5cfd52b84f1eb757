"""Outputs that are exactly-once: one physical record per request for consumers that read committed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from pointsman.errors import INVALID_ARGUMENT
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings
from pointsman.testing.ledger import Ledger
from pointsman.testing.request import request
from tests.e2e.bench import Bench, scale
from tests.e2e.conftest import MODELS, ONCE, RETRIES, importable

KILLS = ("engine", "kafka", "pod-default", "router")
UNCOMMITTED = 100
WITHIN_S = 90


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield a stack at parallelism 1."""
    settings = Settings(outputs=(f"{ONCE}:exactly-once",))
    with importable(MODELS), Stack(tmp_path_factory.mktemp("narrow"), settings=settings) as running:
        yield running


@pytest.fixture(params=["stack", "narrow"])
def running(request: pytest.FixtureRequest) -> Stack:
    """Return a stack at parallelism 2 and one at 1."""
    found: Stack = request.getfixturevalue(request.param)
    return found


def test_a_committed_answer_and_its_dead_letter_are_there_once_whatever_dies(
    running: Stack, name: str, row: np.ndarray
) -> None:
    with _read_twice(running, name) as (loose, bench):
        numbers = itertools.count()
        for child in KILLS:
            _send_until(_is_in_midst(loose, bench.ledger), bench, name, row, numbers)
            running.kill(child)
        _send_until(_is_in_midst(loose, bench.ledger), bench, name, row, numbers)
        bench.settled(180)
        running.wait_ready()
        for last in ("a", "b"):  # two more commits: what could still come twice has come by then
            bench.send(name, f"{name}-last-{last}", row)
            bench.settled()
        ledger = bench.ledger
        assert (ledger.repeats, ledger.letter_repeats) == (0, 0)
        assert loose.repeats > 0, "no answer was given twice: the kills came at harmless moments"
        bad = {f"{name}-{number}" for number in range(9, next(numbers), 10)}
        assert {one.id for one in ledger.finals.values() if one.error == INVALID_ARGUMENT} == bad
        assert bad == ledger.letters.keys()


def test_a_producer_that_sends_twice_gets_one_record_also_when_the_engine_dies(
    stack: Stack, name: str, row: np.ndarray
) -> None:
    with _read_twice(stack, name) as (loose, bench):
        for number in range(1_200):
            for again in (number, number - 300):  # the producer begins anew, 300 requests back
                if again >= 0:
                    value = request(name, f"{name}-{again}", row)
                    bench.ledger.send(f"{name}-{again}", value, key=name.encode(), topic=RETRIES)
            if number == 600:
                assert bench.ledger.wait(30, until=_has_uncommitted(loose, bench.ledger))
                stack.kill("engine")
            if number % 20 == 0:
                bench.ledger.wait(0.01, until=lambda: False)
        bench.settled(180)
        stack.wait_ready()
        for last in ("a", "b"):
            bench.send(name, f"{name}-last-{last}", row)
            bench.settled()
        assert bench.ledger.repeats == 0
        told = [event for event in bench.events_of(name) if event["type"] == "repeats"]
        latest = {event["bucket"]: event["total"] for event in told}
        assert sum(latest.values()) == 900


@contextmanager
def _read_twice(stack: Stack, name: str) -> Iterator[tuple[Ledger, Bench]]:
    """Yield a ledger that does not wait for commits and a bench that does, with a model of two versions."""
    with (
        Ledger(stack.kafka, outputs=(ONCE,)) as loose,
        Bench(stack, Ledger(stack.kafka, outputs=(ONCE,), committed=True)) as bench,
    ):
        bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 1}, route={"output": ONCE})
        yield loose, bench


def _has_uncommitted(loose: Ledger, strict: Ledger) -> Callable[[], bool]:
    """Return whether answers are there that the engine may still take back: a death repeats them."""
    return lambda: len(loose.finals.keys() - strict.finals.keys()) > UNCOMMITTED


def _is_in_midst(loose: Ledger, strict: Ledger) -> Callable[[], bool]:
    """Return whether there has just been a commit, and the next one has something to commit."""
    committed, has_uncommitted = len(strict.finals), _has_uncommitted(loose, strict)
    return lambda: len(strict.finals) > committed and has_uncommitted()


def _send_until(
    holds: Callable[[], bool], bench: Bench, name: str, row: np.ndarray, numbers: Iterator[int]
) -> None:
    """Send about 2,000 requests a second, each tenth of them bad, until it holds."""
    limit = time.monotonic() + WITHIN_S
    for number in numbers:
        bench.send(name, f"{name}-{number}", row[:, :3] if number % 10 == 9 else row)
        if number % 20 == 0:
            if holds():
                return
            assert time.monotonic() < limit
            bench.ledger.wait(0.01, until=lambda: False)
