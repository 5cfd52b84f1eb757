"""Commands that come in by the doors: what they are handed to, and what that answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pointsman.errors import FAILED_PRECONDITION, Failure


class Ack(Protocol):
    """What became of a command."""

    @property
    def error(self) -> Failure | None:
        """Why it was refused; None where it was done."""
        ...


class Control(Protocol):
    """Does commands.

    Each is a dict with one of these:

        load    {"model", "repository", "parameters"}: bring it, or what the parameters say, into service
        unload  the same: take it out of service
        reload  {"models": [{"model", "base_path", "platform", "labels", "versions"}]}: these and no others

    `versions` is {"all": true}, {"latest": n} or {"specific": ["1", ...]}, and absent where nothing is said.
    """

    async def __call__(self, command: Mapping[str, Any]) -> Ack:
        """Do the command; never raises but for cancellation."""
        ...


async def no_control(command: Mapping[str, Any]) -> Ack:
    """Refuse every command."""
    return _Refused()


class _Refused:
    @property
    def error(self) -> Failure | None:
        message = "models are not controlled through this gateway; use the control topic"
        return Failure(FAILED_PRECONDITION, message)
