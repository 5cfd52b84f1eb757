"""Why there is no answer, where nobody has said so: one sentence each, whatever a client speaks."""

from __future__ import annotations

from typing import Final

from pointsman.client.insistence import Setback
from pointsman.errors import ClientError

# Of what a server says, so many characters are told.
MAX_MESSAGE: Final = 2_000


def nobody(where: str, reason: str) -> Setback:
    """Return the setback of a server that cannot be reached."""
    return Setback(ClientError(f"nothing answers at {where}: {reason}"), retryable=True)


def cut_off(where: str, reason: str, *, retryable: bool = True) -> Setback:
    """Return the setback of a connection that ended too early."""
    said = f"the connection to {where} ended before an answer: {reason}"
    return Setback(ClientError(said), retryable)


def untrusted(where: str, reason: str) -> Setback:
    """Return the setback of a server whose certificate was refused."""
    remedy = "name the file of its root as `verify`"
    return Setback(ClientError(f"the certificate of {where} is not trusted: {reason}; {remedy}"))


def unreadable(reason: str) -> Setback:
    """Return the setback of an answer that is none of the protocol's."""
    return Setback(ClientError(f"the answer cannot be read: {reason}"))
