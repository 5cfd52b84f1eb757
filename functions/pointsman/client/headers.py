"""What a request and its answer say beside their bodies: headers of HTTP, metadata of gRPC."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from pointsman.client.ask import Ask
from pointsman.client.prediction import Prediction
from pointsman.errors import INVALID_ARGUMENT, Failure, Refused, SettingsError

UNIT: Final = "x-pointsman-unit"
LABEL: Final = "x-pointsman-label"
TIMEOUT: Final = "x-pointsman-timeout-ms"
REQUEST_ID: Final = "x-request-id"
TRACEPARENT: Final = "traceparent"
AUTHORIZATION: Final = "authorization"


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
    """Return the header that tells how many seconds are left, at least a millisecond."""
    return {TIMEOUT: str(max(1, math.floor(left * 1000)))}


def prediction_of(headers: Mapping[str, str], ask: Ask) -> Prediction:
    """Return the prediction that an answer's headers describe, yet without outputs."""
    return Prediction(
        headers.get(REQUEST_ID) or ask.id,
        ask.model,
        headers.get("x-pointsman-version", ""),
        headers.get("x-pointsman-arm", ""),
        _number(headers.get("x-pointsman-epoch", "")),
        headers.get("x-pointsman-decision", ""),
        attempt=_number(headers.get("x-pointsman-attempt", "")),
    )


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and text == text.strip()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
