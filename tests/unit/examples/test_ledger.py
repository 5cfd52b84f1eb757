from __future__ import annotations

import itertools

import numpy as np
import pytest

from pointsman.client import Prediction
from pointsman.errors import UNAVAILABLE, Failure
from pointsman_examples.ledger import Ledger


@pytest.fixture
def ledger() -> Ledger:
    ticks = itertools.count(1)
    return Ledger(
        {"digits": lambda answer: int(answer.outputs["scores"].argmax())}, lambda: float(next(ticks))
    )


def answered(request_id: str, version: str, epoch: int, digit: int) -> Prediction:
    scores = np.eye(10, dtype=np.float32)[[digit]]
    return Prediction(request_id, "digits", version, version, epoch, "", {"scores": scores})


def test_a_right_answer_counts_for_its_version_and_epoch(ledger: Ledger) -> None:
    ledger.note_sent("a", "digits", 7, at=0.5)
    ledger.note_answer(answered("a", "2", 3, 7))

    tally = ledger.versions("digits", lambda epoch: epoch == 3)["2"]

    assert (tally.answers, tally.accuracy, tally.quantile_ms(0.5)) == (1, 1.0, 500.0)


def test_a_wrong_answer_lowers_the_accuracy(ledger: Ledger) -> None:
    for request_id, truth in (("a", 7), ("b", 8)):
        ledger.note_sent(request_id, "digits", truth, at=0.0)
        ledger.note_answer(answered(request_id, "1", 1, 7))

    assert ledger.versions("digits", lambda epoch: True)["1"].accuracy == 0.5


def test_an_answer_that_comes_twice_counts_once(ledger: Ledger) -> None:
    ledger.note_sent("a", "digits", 7, at=0.0)
    ledger.note_answer(answered("a", "1", 1, 7))
    ledger.note_answer(answered("a", "1", 1, 7))

    assert ledger.answered("digits") == 1


def test_a_refusal_counts_apart_and_keeps_its_reason(ledger: Ledger) -> None:
    ledger.note_sent("a", "digits", 7, at=0.0)
    refusal = Prediction("a", "digits", "", "", 1, "", {}, Failure(UNAVAILABLE, "no version is ready"))
    ledger.note_answer(refusal)

    assert (ledger.refused["digits"], ledger.answered("digits"), ledger.lost("digits")) == (1, 0, 0)
    assert ledger.reasons == {"UNAVAILABLE: no version is ready"}


def test_what_has_no_answer_is_lost(ledger: Ledger) -> None:
    ledger.note_sent("a", "digits", 7, at=0.0)

    assert (ledger.lost("digits"), ledger.under_way) == (1, 1)


def test_epochs_divide_the_answers(ledger: Ledger) -> None:
    for request_id, epoch in (("a", 1), ("b", 2), ("c", 2)):
        ledger.note_sent(request_id, "digits", 7, at=0.0)
        ledger.note_answer(answered(request_id, "1", epoch, 7))

    assert ledger.versions("digits", lambda epoch: epoch < 2)["1"].answers == 1
    assert ledger.versions("digits", lambda epoch: epoch >= 2)["1"].answers == 2
