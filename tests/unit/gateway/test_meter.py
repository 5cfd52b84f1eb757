from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.table import RouteTable, VersionState
from pointsman.gateway.meter import Meter
from pointsman.gateway.series import HISTORY_S
from tests.unit.gateway.scene import table


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def tables(models: int = 1) -> dict[str, RouteTable]:
    ready = VersionState.READY
    return {f"m{number}": table(f"m{number}", v1=ready, v2=ready) for number in range(models)}


noted = st.tuples(
    st.integers(0, 200_000), st.sampled_from(["v1", "v2"]), st.integers(1, 10**7), st.booleans()
)


@given(st.lists(noted, max_size=80), st.integers(0, 200_000), st.sampled_from([10, 60]))
def test_a_window_holds_what_was_noted_in_its_seconds_and_no_more(
    notes: list[tuple[int, str, int, bool]], later_ms: int, seconds: int
) -> None:
    clock = Clock()
    meter = Meter(tables(), clock)
    for at_ms, version, micros, is_good in sorted(notes):
        clock.now = 1000 + at_ms / 1000
        meter.note("m0", version, micros / 1e6, "" if is_good else "UNAVAILABLE")
    clock.now += later_ms / 1000
    since = int(clock.now) - seconds + 1
    within = [note for note in notes if int(1000 + note[0] / 1000) >= since]
    for version in ("v1", "v2"):
        mine = [note for note in within if note[1] == version]
        read = meter.readings(seconds).get(("m0", version))
        assert (read.requests if read else 0) == len(mine)
        if read is None or not mine:
            continue
        assert read.errors == sum(not note[3] for note in mine)
        assert read.share == pytest.approx(len(mine) / len(within))
        good = sorted(note[2] for note in mine if note[3])
        for part, ms in ((0.5, read.p50_ms), (0.99, read.p99_ms)):
            if not good:
                assert ms is None
            else:
                exact = good[math.ceil(round(part * len(good), 6)) - 1]
                assert ms == pytest.approx(exact / 1000, rel=0.05, abs=0.001)


def test_a_rate_is_that_of_the_time_the_window_has_lasted() -> None:
    clock = Clock(1000.0)
    meter = Meter(tables(), clock)
    for _ in range(8):
        meter.note("m0", "v1", 0.001)
    assert meter.readings(10)["m0", "v1"].rate == 8  # a process that just began has had one second
    clock.now = 1004.0
    assert meter.readings(10)["m0", "v1"].rate == 2
    clock.now = 1009.5
    assert meter.readings(10)["m0", "v1"].rate == pytest.approx(8 / 9.5)


def test_the_history_is_that_of_whole_seconds_oldest_first() -> None:
    clock = Clock()
    meter = Meter(tables(), clock)
    for second in range(300):
        clock.now = 1000 + second
        for number in range(second % 7):
            meter.note("m0", "v1", 0.001, "" if number else "INTERNAL")
    requests, errors = meter.history("m0", "v1")
    assert requests == [second % 7 for second in range(300 - HISTORY_S, 299)]
    assert errors == [min(1, second % 7) for second in range(300 - HISTORY_S, 299)]
    assert sum(meter.history("m0", "v2")[0]) == 0


def test_names_that_strangers_make_up_add_nothing() -> None:
    meter = Meter(tables(), Clock())
    for number in range(1000):
        meter.note(f"stranger{number}", "v1", 0.001, "NOT_FOUND")
        meter.note("m0", f"stranger{number}", 0.001, "NOT_FOUND")
    assert meter.totals() == {("_", "_"): 1000, ("m0", "_"): 1000}


def test_beyond_the_most_versions_those_that_are_gone_make_room() -> None:
    known = tables(4)
    meter = Meter(known, Clock(), most=3)
    for model in ("m0", "m1", "m2", "m3"):
        meter.note(model, "v1", 0.001)
    assert set(meter.totals()) == {("m0", "v1"), ("m1", "v1"), ("m2", "v1"), ("_", "_")}
    del known["m1"]
    del known["m2"]
    meter.note("m3", "v1", 0.001)
    assert set(meter.totals()) == {("m0", "v1"), ("m3", "v1"), ("_", "_")}
