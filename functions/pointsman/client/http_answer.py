"""What an HTTP answer comes to: a prediction, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import msgspec

from pointsman.client.ask import Ask
from pointsman.client.headers import prediction_of
from pointsman.client.insistence import Setback
from pointsman.client.prediction import Prediction
from pointsman.client.setbacks import MAX_MESSAGE, unreadable
from pointsman.errors import (
    ABORTED,
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    OUT_OF_RANGE,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    ClientError,
    Failure,
    Refused,
)
from pointsman.wire.malformed import UNREADABLE
from pointsman.wire.oip_answer import read_answer
from pointsman.wire.oip_binary import HEADER
from pointsman.wire.tfs_rows import read_predictions

_CODES: Final = {
    401: UNAUTHENTICATED,
    403: PERMISSION_DENIED,
    404: NOT_FOUND,
    409: ABORTED,
    413: OUT_OF_RANGE,
    429: RESOURCE_EXHAUSTED,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
    504: DEADLINE_EXCEEDED,
}
# Not 409, where somebody must mend something first; not 504, whose time is up.
_RETRYABLE: Final = frozenset({429, 503})


class HttpAnswer(NamedTuple):
    """An answer read whole. Names of headers are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Error(msgspec.Struct):
    error: str


_error = msgspec.json.Decoder(_Error)


def setback_of(answer: HttpAnswer) -> Setback:
    """Return why an answer whose status is not 200 is none."""
    status = answer.status
    if status < 400:
        return Setback(ClientError(f"the server answers {status}, which is no answer to an inference"))
    code = _CODES.get(status, INVALID_ARGUMENT if status < 500 else INTERNAL)
    failure = Failure(code, _message(answer))
    return Setback(Refused(failure), status in _RETRYABLE, _retry_after(answer.headers))


def oip_prediction(answer: HttpAnswer, ask: Ask) -> Prediction | Setback:
    """Return the prediction of an answer of the Open Inference Protocol."""
    if answer.status != 200:
        return setback_of(answer)
    length = answer.headers.get(HEADER)
    if length is not None and not (length.isascii() and length.isdecimal() and len(length) < 19):
        return unreadable(f"{HEADER} is no number")
    said = read_answer(answer.body, None if length is None else int(length))
    if isinstance(said, Failure):
        return unreadable(said.message)
    known = prediction_of(answer.headers, ask)
    return msgspec.structs.replace(known, version=known.version or said.version, outputs=said.outputs)


def tfs_prediction(answer: HttpAnswer, ask: Ask) -> Prediction | Setback:
    """Return the prediction of an answer of TensorFlow Serving's predict."""
    if answer.status != 200:
        return setback_of(answer)
    outputs = read_predictions(answer.body)
    if isinstance(outputs, Failure):
        return unreadable(outputs.message)
    return msgspec.structs.replace(prediction_of(answer.headers, ask), outputs=outputs)


def _message(answer: HttpAnswer) -> str:
    """Return the server's own sentence; a proxy's page in HTML is none."""
    try:
        return _error.decode(answer.body).error[:MAX_MESSAGE]
    except UNREADABLE:
        is_text = answer.headers.get("content-type", "").startswith("text/plain")
        text = answer.body[:MAX_MESSAGE].decode(errors="replace").strip() if is_text else ""
        return text or f"the server answers HTTP {answer.status} without a reason"


def _retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds after which to ask again; a date counts from the server's own."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        wanted, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (wanted - now).total_seconds())
    except (TypeError, ValueError):  # absent or no date; one with a time zone and one without
        return 0.0
