"""Failures as the status of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import grpc

from pointsman.errors import INTERNAL, Failure
from pointsman.wire.response import error_to_pb

CODES: Final[dict[str, Any]] = {code.name: code for code in grpc.StatusCode}
ERROR: Final = "pointsman-error-bin"
# A status travels in headers, of which clients take 8 KiB.
MAX_TEXT: Final = 1_024


async def refuse(context: Any, failure: Failure, trailing: Mapping[str, str]) -> None:
    """End the call with the failure; raises what ends a handler.

    The status has its code and message; `pointsman-error-bin` in the trailing metadata holds the whole Error.
    """
    short = Failure(failure.code, failure.message[:MAX_TEXT], failure.field[:MAX_TEXT])
    metadata = (*metadata_of(trailing), (ERROR, error_to_pb(short).SerializeToString()))
    await context.abort(CODES.get(failure.code, CODES[INTERNAL]), short.message, metadata)


def metadata_of(texts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the entries that metadata can carry: printable ASCII of bounded length."""
    return tuple(
        (key, text)
        for key, text in texts.items()
        if text.isascii() and text.isprintable() and len(text) <= MAX_TEXT
    )
