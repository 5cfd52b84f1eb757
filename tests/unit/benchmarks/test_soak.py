from __future__ import annotations

import random

import pytest

from benchmarks.soak.report import Minute, Result, sheet
from benchmarks.soak.sample import Sample

MINUTES = 60


def result(leak_mib: float = 0.0, *, missing: int = 0, restarts: int = 0) -> Result:
    """Return an hour in which the pod of 400 MiB grows by so many a day, and by 100 MiB while it warms up."""
    chance = random.Random(1)

    def memory(minute: float) -> float:
        cold = max(0.0, 100 * (1 - minute / 10))
        return 400 - cold + leak_mib * minute / 1440 + chance.gauss(0, 0.2)

    samples = [
        Sample(at, {"pod": memory(at / 60), "redis": 6.0}, 120 + chance.gauss(0, 1), 30.0, 900, 0)
        for at in range(0, MINUTES * 60, 2)
    ]
    minutes = [Minute(60.0 * number, 1_000, 1, 0, 0, 90.0 + number, 50.0) for number in range(MINUTES)]
    return Result(
        4_000.0, samples, minutes, 900.0, 72_000, ["a"] * missing, restarts, {"cores": "2"}, "now"
    )  # fmt: skip


def test_what_only_warms_up_is_flat() -> None:
    run = result()
    assert run.is_sound
    verdicts = {row[0]: row[-1] for row in sheet(run).rows}
    assert (verdicts["pod, MiB"], verdicts["all, MiB"]) == ("flat", "flat")


def test_a_slow_leak_is_seen_and_told_a_day() -> None:
    run = result(leak_mib=120)
    assert not run.is_sound
    growth = next(row[3] for row in sheet(run).rows if row[0] == "pod, MiB")
    assert float(growth.removesuffix("%")) == pytest.approx(30, abs=5)


@pytest.mark.parametrize("trouble", [{"missing": 1}, {"restarts": 1}])
def test_a_run_that_lost_something_or_restarted_is_not_sound(trouble: dict[str, int]) -> None:
    assert not result(**trouble).is_sound


def test_the_minutes_are_told_together() -> None:
    notes = "\n".join(sheet(result()).notes)
    assert "60,000 answered in 60 minutes, refused 60, failed 0, lost 0" in notes
    assert "stream: p99 of a minute 120 ms in the median, 149 ms at most" in notes
