"""Deaths on the real engine: kill a part under load, and every accepted request still has its answer."""

from __future__ import annotations

import os
import time
from functools import partial

import numpy as np
import pytest

from pointsman.localstack.stack import Stack
from tests.e2e.bench import Bench, restarts, scale

# `POINTSMAN_TEST_LONG=1` runs the outage and the slow load at their full length.
LONG = os.environ.get("POINTSMAN_TEST_LONG") == "1"
OUTAGE_S = 300.0 if LONG else 15.0
LOAD_S = 180.0 if LONG else 10.0


@pytest.mark.parametrize("victim", ["pod-default", "router", "engine"])
def test_sigkill_under_load_loses_nothing(stack: Stack, name: str, row: np.ndarray, victim: str) -> None:
    with Bench(stack) as bench:
        bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 1})
        for number in range(6_000):
            bench.send(name, f"{name}-{number}", row * (number % 7))
            if number == 2_000:
                bench.ledger.flush()
                stack.kill(victim)
            if number % 20 == 0:
                bench.ledger.wait(0.01, until=lambda: False)  # about 2,000 a second
        bench.settled(180)
        stack.wait_ready()
        for number in range(6_000):
            final = bench.ledger.finals[f"{name}-{number}"]
            np.testing.assert_array_equal(
                bench.outputs(final.id)["y"], row * (number % 7) * int(final.version)
            )
        assert restarts(stack) == 0, stack.failure()


def test_a_pool_that_is_gone_holds_up_nobody_else(
    bench: Bench, stack: Stack, name: str, row: np.ndarray
) -> None:
    other = f"{name}-other"
    bench.apply(name, {"1": scale(1, pool="aside")}, {"1": 1})
    bench.apply(other, {"1": scale(2)}, {"1": 1})
    stack.kill("pod-aside", hold=True)
    gone = time.monotonic()
    number = 0
    while time.monotonic() - gone < OUTAGE_S:
        bench.send(name, f"waits-{number}", row)
        bench.send(other, f"flows-{number}", row)
        number += 1
        assert bench.ledger.wait(30, until=partial(bench.ledger.finals.__contains__, f"flows-{number - 1}"))
    assert bench.state(name, "1", "UNREACHABLE", timeout=30)
    stack.resume("pod-aside")
    bench.settled(120)
    for one in range(number):
        np.testing.assert_array_equal(bench.outputs(f"waits-{one}")["y"], row)


def test_a_load_that_takes_minutes_holds_up_nobody_else(bench: Bench, name: str, row: np.ndarray) -> None:
    other = f"{name}-other"
    bench.apply(other, {"1": scale(2)}, {"1": 1})
    begun = time.monotonic()
    slow = {"versions": {"1": scale(3, load_s=LOAD_S)}, "route": {"split": {"1": 1}}}
    assert bench.control({"model": name, "apply": slow}).ok
    bench.state(name, "1", "LOADING")
    number = 0
    while time.monotonic() - begun < LOAD_S - 1:
        bench.send(name, f"waits-{number}", row)
        bench.send(other, f"flows-{number}", row)
        assert bench.ledger.wait(30, until=partial(bench.ledger.finals.__contains__, f"flows-{number}"))
        number += 1
    bench.state(name, "1", "READY")
    bench.settled(120)
    for one in range(number):
        np.testing.assert_array_equal(bench.outputs(f"waits-{one}")["y"], row * 3)
        np.testing.assert_array_equal(bench.outputs(f"flows-{one}")["y"], row * 2)
