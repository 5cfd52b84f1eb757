"""What a request and its answer say beside their bodies: headers of HTTP, metadata of gRPC."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Final

from pointsman.client.ask import Ask
from pointsman.client.insistence import LONGEST_S
from pointsman.client.prediction import Prediction
from pointsman.errors import INVALID_ARGUMENT, Failure, Refused, SettingsError
from pointsman.pb.v1 import inference_pb2 as pb

UNIT: Final = "x-pointsman-unit"
LABEL: Final = "x-pointsman-label"
TIMEOUT: Final = "x-pointsman-timeout-ms"
REQUEST_ID: Final = "x-request-id"
TRACEPARENT: Final = "traceparent"
AUTHORIZATION: Final = "authorization"
# How the answer to a gRPC call is to be compressed.
COMPRESSION: Final = "x-pointsman-compression"

# Who decided, in an answer.
VERSION: Final = "x-pointsman-version"
ARM: Final = "x-pointsman-arm"
EPOCH: Final = "x-pointsman-epoch"
DECISION: Final = "x-pointsman-decision"
ATTEMPT: Final = "x-pointsman-attempt"

# Of a gRPC call without an answer: the whole Error, and the milliseconds after which to ask again. The second
# name is gRPC's own; clients that have a retry policy follow it by themselves.
ERROR: Final = "pointsman-error-bin"
PUSHBACK: Final = "grpc-retry-pushback-ms"

KEY: Final = "POINTSMAN_KEY"


def key_of(key: str | None) -> str:
    """Return the API key; None: that of the environment, which may be none."""
    return os.environ.get(KEY, "") if key is None else key


def bearer_of(key: str) -> dict[str, str]:
    """Return the header that carries an API key, none where it is empty. Raises SettingsError."""
    if not _is_plain(key):
        raise SettingsError("the API key must be printable ASCII without spaces at its ends")
    return {AUTHORIZATION: f"Bearer {key}"} if key else {}


def headers_of(ask: Ask) -> dict[str, str]:
    """Return the headers of a request that are the same for every attempt.

    Raises Refused where a value cannot travel in one: elsewhere a unit may be any text, here it would come
    out as another.
    """
    said = {"unit": (UNIT, ask.unit), "label": (LABEL, ask.label), "id": (REQUEST_ID, ask.id)}
    for field, (_, value) in said.items():
        if not _is_plain(value):
            message = f"{field}: a header takes printable ASCII without spaces at its ends; send it encoded"
            raise Refused(Failure(INVALID_ARGUMENT, message, field))
    return {name: value for name, value in said.values() if value}


def timeout_of(left: float) -> dict[str, str]:
    """Return the header that tells how many seconds are left."""
    return {TIMEOUT: str(milliseconds(left))}


def milliseconds(left: float) -> int:
    """Return seconds, a number over 0, as a request tells them: at least a millisecond."""
    return max(1, math.floor(min(left, LONGEST_S) * 1000))


def decision_of(answer: pb.InferenceResponse) -> tuple[tuple[str, str], ...]:
    """Return the headers that say who answered."""
    return (
        (VERSION, answer.version),
        (ARM, answer.arm),
        (EPOCH, str(answer.epoch)),
        (DECISION, answer.decision_id),
        (ATTEMPT, str(answer.attempt)),
    )


def prediction_of(headers: Mapping[str, str], ask: Ask) -> Prediction:
    """Return the prediction that an answer's headers describe, yet without outputs."""
    return Prediction(
        headers.get(REQUEST_ID) or ask.id,
        ask.model,
        headers.get(VERSION, ""),
        headers.get(ARM, ""),
        _number(headers.get(EPOCH, "")),
        headers.get(DECISION, ""),
        attempt=_number(headers.get(ATTEMPT, "")),
    )


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and text == text.strip()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
