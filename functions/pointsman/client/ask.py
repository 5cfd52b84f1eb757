"""One request, as a client that waits for its answer is asked for it."""

from __future__ import annotations

import msgspec

from pointsman.client.prediction import Inputs
from pointsman.core.ids import GRAMMAR, is_name
from pointsman.errors import INVALID_ARGUMENT, Failure, Refused


class Ask(msgspec.Struct, frozen=True):
    """What is asked of which model; an empty field says nothing."""

    model: str
    inputs: Inputs
    version: str = ""
    label: str = ""
    unit: str = ""
    id: str = ""


def ask_of(
    model: str,
    inputs: Inputs,
    version: str | None,
    label: str | None,
    unit: str | None,
    request_id: str | None,
) -> Ask:
    """Return the request that `predict` is given."""
    return Ask(model, inputs, version or "", label or "", unit or "", request_id or "")


def check_name(field: str, text: str) -> None:
    """Raise Refused where `text` can name no model, version or label."""
    if not is_name(text):
        raise Refused(Failure(INVALID_ARGUMENT, f"{field} {text[:100]!r} is no name: {GRAMMAR}", field))
