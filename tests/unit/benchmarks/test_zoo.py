from __future__ import annotations

import math
from collections import Counter
from typing import Any

import msgspec
import pytest

from benchmarks.zoo.models import Zipf
from benchmarks.zoo.report import Change, Result, quantile, sheet

RESULT = Result(
    models=100,
    seconds=10.0,
    cache_bytes=1_000,
    peak_bytes=1_000,
    registered_s=5.0,
    idle={"router": 0.02, "engine": 0.03},
    sent=8,
    latencies_ms=[1.0] * 8,
    failed=[],
    loads=4,
    loads_ms=[20.0, 30.0],
    changes=[Change(20.0, 40.0, 2)],
    memory_mib=(300.0, 310.0),
    back_s=3.0,
    restarts=0,
    machine={"cores": "2"},
    at="now",
)


def test_a_run_in_which_all_went_well_says_so() -> None:
    assert RESULT.is_met
    told = {what: measured for what, measured, _ in sheet(RESULT).rows}
    assert told["found in memory"] == "60.0%"
    assert told["loaded again, p50, p99"] == "20 ms, 30 ms"
    assert told["idle, of a core"] == "5%"


@pytest.mark.parametrize(
    "change",
    [
        {"peak_bytes": 1_051},
        {"failed": ["a: broken"], "sent": 9},
        {"sent": 9},
        {"changes": [Change(20.0, 1_000.0)]},
        {"changes": []},
        {"restarts": 1},
    ],
)
def test_what_is_asked_for_and_missed_is_no_success(change: dict[str, Any]) -> None:
    assert not msgspec.structs.replace(RESULT, **change).is_met


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([7.0], 0.99)) == (50.0, 99.0, 7.0)
    assert quantile([], 0.5) == math.inf


def test_the_second_model_is_asked_half_as_often_as_the_first() -> None:
    zoo = Zipf(50)
    drawn = Counter(zoo.draw() for _ in range(20_000)).most_common(2)
    assert drawn[0][0] == zoo.first
    assert drawn[1][1] / drawn[0][1] == pytest.approx(0.5, abs=0.05)
