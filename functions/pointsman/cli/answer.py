"""A prediction as people and as programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from pointsman.client import Prediction
from pointsman.core.tensor import Array

_SHOWN_ROWS = 10
_SHOWN_VALUES = 10


def as_record(prediction: Prediction) -> dict[str, Any]:
    """Return what `--json` prints: the prediction's fields, arrays as nested lists."""
    record = {name: getattr(prediction, name) for name in Prediction.__struct_fields__}
    record["outputs"] = {name: plain(array) for name, array in prediction.outputs.items()}
    record["failure"] = msgspec.to_builtins(prediction.failure)
    record["context"] = prediction.context.decode(errors="replace")
    return record


def plain(array: Array) -> Any:
    """Return an array as nested lists of what JSON has; bytes become text."""
    if array.dtype.hasobject:
        texts = [element.decode(errors="replace") for element in array.ravel()]
        return np.array(texts, dtype=object).reshape(array.shape).tolist()
    return array.tolist()


def summary(prediction: Prediction) -> str:
    """Return one line: who answered, and how long it took where the answer says so."""
    who = f"{prediction.model} version {prediction.version}, epoch {prediction.epoch}"
    if not prediction.batch_rows:
        return who
    waited = prediction.queued_us / 1000
    computed = prediction.compute_us / 1000
    return f"{who}: {waited:.1f} ms to the model, {computed:.2f} ms for a batch of {prediction.batch_rows}"


def rows(prediction: Prediction) -> Iterator[tuple[str, str, str, str]]:
    """Yield output, row, best class and values; a class is named where a row looks like scores."""
    for name, array in prediction.outputs.items():
        matrix = array.reshape(array.shape[0], -1) if array.ndim else array.reshape(1, 1)
        for number, row in enumerate(matrix[:_SHOWN_ROWS]):
            yield name, str(number), _best(row), _values(row)
        if len(matrix) > _SHOWN_ROWS:
            yield name, "...", "", f"{len(matrix) - _SHOWN_ROWS} more rows"


def _best(row: Array) -> str:
    """Return the index of the largest of several floating-point numbers."""
    return str(int(np.argmax(row))) if row.dtype.kind == "f" and row.size > 1 else ""


def _values(row: Array) -> str:
    shown = [f"{value:.4g}" if row.dtype.kind == "f" else _text(value) for value in row[:_SHOWN_VALUES]]
    return " ".join(shown) + (f" … ({row.size})" if row.size > _SHOWN_VALUES else "")


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
