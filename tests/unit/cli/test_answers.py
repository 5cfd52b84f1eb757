"""What is printed of one answer and of many."""

from __future__ import annotations

import numpy as np
import pytest

from pointsman.cli.answers import Pace, show
from pointsman.cli.output import Output
from pointsman.client import Prediction
from pointsman.errors import NOT_FOUND, ClientError, Failure, Refused

PACE = Pace(2.0, [1.0, 3.0, 8.0], "in the servers")
GOOD = Prediction("1", "m", "2", "2", 7, outputs={"y": np.ones((1, 1), np.float32)})
BAD = Prediction("2", "m", failure=Failure(NOT_FOUND, "no such model"))


def test_many_are_summed_up_after_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    show(Output(), [GOOD, GOOD, GOOD], PACE)
    shown = capsys.readouterr().out
    assert "3 answers in 2.00 s, median 3.0 ms in the servers" in shown
    assert "versions: 2: 3 (100.0%)" in shown


def test_programs_get_a_line_for_each_answer_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ClientError, match="1 of 2 failed"):
        show(Output(as_json=True), [GOOD, BAD], PACE)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_only_answer_is_refused_as_a_whole() -> None:
    with pytest.raises(Refused, match="no such model"):
        show(Output(), [BAD], PACE)
