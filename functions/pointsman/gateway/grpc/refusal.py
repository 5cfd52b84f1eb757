"""Failures as the status of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import grpc

from pointsman.client.headers import ERROR, PUSHBACK
from pointsman.errors import INTERNAL, Failure, wait_ms_of
from pointsman.wire.response import error_to_pb

CODES: Final[dict[str, Any]] = {code.name: code for code in grpc.StatusCode}
# A status travels in headers, of which clients take 8 KiB.
MAX_TEXT: Final = 1_024


async def refuse(context: Any, failure: Failure, trailing: Mapping[str, str]) -> None:
    """End the call with the failure; raises what ends a handler.

    The status has its code and message; the trailing metadata hold the whole Error, and when to come again
    where that is known.
    """
    short = Failure(failure.code, failure.message[:MAX_TEXT], failure.field[:MAX_TEXT])
    metadata = (
        *metadata_of(trailing),
        (ERROR, error_to_pb(short).SerializeToString()),
        *_pushback(failure),
    )
    await context.abort(CODES.get(failure.code, CODES[INTERNAL]), short.message, metadata)


def _pushback(failure: Failure) -> tuple[tuple[str, str], ...]:
    wait_ms = wait_ms_of(failure)
    return ((PUSHBACK, str(wait_ms)),) if wait_ms > 0 else ()


def metadata_of(texts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the entries that metadata can carry: printable ASCII of bounded length."""
    return tuple(
        (key, text)
        for key, text in texts.items()
        if text.isascii() and text.isprintable() and len(text) <= MAX_TEXT
    )
