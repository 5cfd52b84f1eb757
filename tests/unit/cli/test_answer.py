"""Predictions as people and programs read them."""

from __future__ import annotations

import msgspec
import numpy as np

from pointsman.cli.answer import as_record, rows, summary
from pointsman.client import Prediction
from pointsman.core.tensor import Array
from pointsman.errors import NOT_FOUND, Failure


def texts(*values: bytes) -> Array:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def test_scores_name_their_best_class() -> None:
    prediction = Prediction("1", outputs={"scores": np.array([[0.1, 2.5, -1]], np.float32)})
    assert list(rows(prediction)) == [("scores", "0", "1", "0.1 2.5 -1")]


def test_labels_and_counts_have_no_best_class() -> None:
    outputs = {"label": texts(b"yes"), "count": np.array([[1, 2]]), "score": np.array([0.5])}
    assert [best for _, _, best, _ in rows(Prediction("1", outputs=outputs))] == ["", "", ""]


def test_long_outputs_are_cut() -> None:
    shown = list(rows(Prediction("1", outputs={"y": np.zeros((100, 64))})))
    assert shown[0][3].endswith("… (64)")
    assert shown[-1][3] == "90 more rows"


def test_a_record_is_plain_json() -> None:
    prediction = Prediction(
        "1", outputs={"y": np.array([[1.5]]), "t": texts(b"gr\xc3\xbcn")}, failure=Failure(NOT_FOUND, "no")
    )
    record = msgspec.json.decode(msgspec.json.encode(as_record(prediction)))
    assert record["outputs"] == {"y": [[1.5]], "t": ["grün"]}
    assert record["failure"]["code"] == NOT_FOUND


def test_a_summary_names_who_answered_and_the_time() -> None:
    prediction = Prediction("1", "m", "2", "2", 7, queued_us=1500, compute_us=250, batch_rows=4)
    assert summary(prediction) == "m version 2, epoch 7: 1.5 ms to the model, 0.25 ms for a batch of 4"


def test_a_summary_has_no_times_where_the_answer_has_none() -> None:
    assert summary(Prediction("1", "m", "2", "2", 7)) == "m version 2, epoch 7"
