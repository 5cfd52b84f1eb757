"""Answers in TensorFlow Serving's JSON: predictions, outputs, classifications, regressions."""

from __future__ import annotations

import binascii
from typing import Any, Final

from pointsman.core.tensor import Array, Item
from pointsman.errors import FAILED_PRECONDITION, Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.json_outputs import only_or_all, plain, rows_of
from pointsman.wire.json_request import COLUMNS
from pointsman.wire.non_finite import encode_with_tokens
from pointsman.wire.tensors import array_from_pb

_BYTES_SUFFIX: Final = "_bytes"
_SCORES: Final = "scores"
_LABELS: Final = ("classes", "labels")
_FOR_CLASSIFY: Final = (
    "classify needs an output 'scores' of shape (rows, n), with 'classes' or 'labels' of the same shape "
    "if they have names, or a single floating-point output of that shape; ask for predict"
)
_FOR_REGRESS: Final = "regress needs a single output with one number per row; ask for predict"


def write_predict(response: pb.InferenceResponse, form: str) -> bytes | Failure:
    """Return `predictions` by row, or `outputs` by column where the request was COLUMNS; else the error.

    One output is written bare, several by name. BYTES are text, or base64 where the name ends in _bytes.
    """
    item = _item(response)
    if isinstance(item, Failure):
        return item
    if form != COLUMNS and (failure := _uneven(item)) is not None:
        return failure
    columns = {name: _written(name, array) for name, array in item.items()}
    tree = {"outputs": only_or_all(columns)} if form == COLUMNS else {"predictions": rows_of(columns)}
    return encode_with_tokens(tree, item.values())


def write_classify(response: pb.InferenceResponse) -> bytes | Failure:
    """Return a list of [label, score] for each row; without labels the places of the scores are theirs."""
    item = _item(response)
    if isinstance(item, Failure):
        return item
    scores = item[_SCORES] if _SCORES in item else _only(item)
    if scores is None or scores.dtype.kind != "f" or scores.ndim not in (1, 2):
        return Failure(FAILED_PRECONDITION, _FOR_CLASSIFY)
    labels = _labels(item, scores)
    if labels is None:
        return Failure(FAILED_PRECONDITION, _FOR_CLASSIFY)
    rows = scores.reshape(_table(scores)).tolist()
    results = [list(zip(*pair, strict=True)) for pair in zip(labels, rows, strict=True)]
    return encode_with_tokens({"results": results}, [scores])


def _labels(item: Item, scores: Array) -> list[list[str]] | None:
    """Return the labels of each row, None where they do not fit the scores."""
    named = next((item[name] for name in _LABELS if name in item), None)
    if named is None and scores.ndim == 2:
        return [[str(at) for at in range(scores.shape[1])]] * len(scores)
    if named is None or named.shape != scores.shape:
        return None
    return [[str(label) for label in row] for row in plain(named.reshape(_table(named)))]


def _table(array: Array) -> tuple[int, int]:
    """Return the shape of an array as rows and columns."""
    return array.shape[0], array.shape[1] if array.ndim == 2 else 1


def write_regress(response: pb.InferenceResponse) -> bytes | Failure:
    """Return one number per row."""
    item = _item(response)
    if isinstance(item, Failure):
        return item
    values = _only(item)
    if values is None or values.dtype.kind not in "iuf" or values.shape[1:] not in ((), (1,)):
        return Failure(FAILED_PRECONDITION, _FOR_REGRESS)
    return encode_with_tokens({"results": values.reshape(-1).tolist()}, [values])


def _item(response: pb.InferenceResponse) -> Item | Failure:
    if response.HasField("error"):
        error = response.error
        return Failure(error.code, error.message, error.field)
    item: Item = {}
    for tensor in response.outputs.tensors:
        array = array_from_pb(tensor)
        if isinstance(array, Failure):
            return array
        item[tensor.name] = array
    return item or Failure(FAILED_PRECONDITION, "the model's answer has no output")


def _only(item: Item) -> Array | None:
    """Return the single output, if there is one and it has rows."""
    (array, *others) = item.values()
    return None if others or not array.ndim else array


def _uneven(item: Item) -> Failure | None:
    sizes = {array.shape[:1] for array in item.values()}
    if len(sizes) == 1 and () not in sizes:
        return None
    return Failure(
        FAILED_PRECONDITION, "the outputs differ in their rows or have none; ask with 'inputs' for columns"
    )


def _written(name: str, array: Array) -> Any:
    if array.dtype.hasobject and name.endswith(_BYTES_SUFFIX):
        return _base64(array.tolist())
    return plain(array)


def _base64(value: Any) -> Any:
    if isinstance(value, list):
        return [_base64(part) for part in value]
    return {"b64": binascii.b2a_base64(value, newline=False).decode()}
