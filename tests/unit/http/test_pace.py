from __future__ import annotations

import pytest

from pointsman.http.limits import OUR_OWN, Limits
from pointsman.http.pace import Pace

STRICT = Limits(stall_s=5, head_s=10, body_s=10, slowest=1000)


def test_our_own_have_time_anew_with_every_byte() -> None:
    pace = Pace(OUR_OWN)
    assert [pace.left(now, None) for now in (0.0, 4.9, 1e6)] == [5.0, 5.0, 5.0]
    assert pace.left(2e6, 1) == 5.0


def test_a_head_has_its_time_however_often_something_comes() -> None:
    pace = Pace(STRICT)
    assert [pace.left(now, None) for now in (100.0, 104.0, 109.0, 111.0)] == [5.0, 5.0, 1.0, 0.0]


def test_a_body_has_the_time_that_its_bytes_have_earned() -> None:
    pace = Pace(STRICT)
    assert pace.left(9.0, None) == 5.0
    assert pace.left(10.0, 0) == 5.0  # the body's time begins with it
    assert pace.left(18.0, 1) == pytest.approx(2.001)
    assert pace.left(18.0, 500) == pytest.approx(2.5)
    assert pace.left(100.0, 88_000) == pytest.approx(5.0)
    assert pace.left(100.0, 79_000) == 0.0


def test_a_body_that_came_fast_has_earned_no_pause() -> None:
    pace = Pace(STRICT)
    assert pace.left(10.0, 1_000_000) == 5.0
    assert pace.left(14.0, 2_000_000) == 5.0
    assert pace.left(21.0, 2_000_001) == pytest.approx(3.001)
    assert pace.left(25.0, 2_000_002) == 0.0


def test_a_message_does_not_use_the_time_of_the_next() -> None:
    pace = Pace(STRICT)
    assert pace.left(0.0, None) == 5.0
    pace.restart()
    assert pace.left(9.0, None) == 5.0
    assert pace.left(18.0, None) == 1.0
