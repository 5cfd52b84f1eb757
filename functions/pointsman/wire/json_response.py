"""Responses in JSON, in the form of their requests."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from pointsman.core.tensor import DATATYPES, Array, Item
from pointsman.errors import INTERNAL, Failure
from pointsman.wire.json_outputs import only_or_all, plain, plain_columns, rows_of
from pointsman.wire.json_request import COLUMNS, INSTANCES
from pointsman.wire.response import Served

_encoder = msgspec.json.Encoder()


class Answered(NamedTuple):
    """What a JSON response says beside its outputs."""

    id: str
    served: Served
    decision_id: str
    context: bytes


def answer_to_json(answered: Answered, form: str, item: Item) -> bytes | Failure:
    """Return the response: `outputs`; `predictions` to `instances` and `columns` to `columns`.

    NaN and infinities have no JSON form and become null; BYTES are read as UTF-8. A dtype that the
    protocol lacks is a failure.
    """
    for name, array in item.items():
        if _datatype(array) is None:
            message = f"dtype {array.dtype} has no counterpart in the Open Inference Protocol"
            return Failure(INTERNAL, f"output {name!r}: {message}", name)
    body = _frame(answered)
    if form == INSTANCES:
        body["predictions"] = rows_of(plain_columns(item))
    elif form == COLUMNS:
        body["columns"] = only_or_all(plain_columns(item))
    else:
        body["outputs"] = [_output(name, array) for name, array in item.items()]
    return _encoder.encode(body)


def refusal_to_json(answered: Answered, failure: Failure) -> bytes:
    """Return the response with an error."""
    error = {"code": failure.code, "message": failure.message, "retryable": failure.retryable}
    if failure.field:
        error["field"] = failure.field
    return _encoder.encode({**_frame(answered), "error": error})


def _frame(answered: Answered) -> dict[str, Any]:
    served = answered.served
    body: dict[str, Any] = {"id": answered.id, "model_name": served.model}
    if served.version:
        body["model_version"] = served.version
        body["parameters"] = {
            "arm": served.arm,
            "epoch": served.epoch,
            "decision_id": answered.decision_id,
        }
    if answered.context:
        body["context"] = msgspec.Raw(answered.context)
    return body


def _datatype(array: Array) -> str | None:
    if array.dtype.kind == "O":
        return "BYTES" if all(isinstance(element, bytes | str) for element in array.flat) else None
    return "BYTES" if array.dtype.kind in "SU" else DATATYPES.get(array.dtype.newbyteorder("<"))


def _output(name: str, array: Array) -> dict[str, Any]:
    data = plain(array.ravel())
    return {"name": name, "datatype": _datatype(array), "shape": list(array.shape), "data": data}
