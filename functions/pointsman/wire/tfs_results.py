"""Outputs of a model as TensorFlow Serving's classifications and regressions."""

from __future__ import annotations

from typing import Final

from pointsman.core.tensor import Array
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.pb.tfs import serving_pb2 as tfs
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.tensors import array_from_pb

SCORES: Final = "scores"
CLASSES: Final = "classes"
VALUES: Final = "outputs"


def classification_of(response: pb.InferenceResponse) -> tfs.ClassificationResult | Failure:
    """Return the classes of each row, from the outputs `classes` (BYTES) and `scores` (numbers).

    One of the two is enough; of a model with a single output of numbers it is the scores. Each has shape
    [rows, classes] or [rows].
    """
    arrays = _arrays(response)
    if isinstance(arrays, Failure):
        return arrays
    labels = _table(arrays.get(CLASSES), is_text=True)
    scores = _table(arrays.get(SCORES) if SCORES in arrays or labels is not None else _only(arrays))
    tables = [table for table in (labels, scores) if table is not None]
    if not tables or tables[0].shape != tables[-1].shape:
        return _no("classification: it needs `scores`, `classes` or both, in one shape [rows, classes]")
    result = tfs.ClassificationResult()
    for row in range(len(tables[0])):
        classes = result.classifications.add().classes
        for column in range(tables[0].shape[1]):
            label = b"" if labels is None else labels[row, column]
            score = 0.0 if scores is None else float(scores[row, column])
            classes.add(label=label.decode(errors="replace"), score=score)
    return result


def regression_of(response: pb.InferenceResponse) -> tfs.RegressionResult | Failure:
    """Return the value of each row, from the output `outputs` or the only one; shape [rows] or [rows, 1]."""
    arrays = _arrays(response)
    if isinstance(arrays, Failure):
        return arrays
    table = _table(arrays.get(VALUES) if VALUES in arrays else _only(arrays))
    if table is None or table.shape[1] != 1:
        return _no("regression: it needs one number for each row in `outputs` or its only output")
    return tfs.RegressionResult(regressions=[tfs.Regression(value=value) for value in table[:, 0].tolist()])


def _arrays(response: pb.InferenceResponse) -> dict[str, Array] | Failure:
    arrays = {}
    for tensor in response.outputs.tensors:
        array = array_from_pb(tensor)
        if isinstance(array, Failure):
            return array
        arrays[tensor.name] = array
    return arrays


def _only(arrays: dict[str, Array]) -> Array | None:
    return next(iter(arrays.values())) if len(arrays) == 1 else None


def _table(array: Array | None, *, is_text: bool = False) -> Array | None:
    if array is None or array.dtype.hasobject != is_text or array.ndim not in (1, 2):
        return None
    return array.reshape(array.shape[0], -1) if array.size else array.reshape(array.shape[0], 0)


def _no(what: str) -> Failure:
    return Failure(INVALID_ARGUMENT, f"the model's outputs are no {what}", "model_spec")
