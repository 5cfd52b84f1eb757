"""The last question before a stack is ready: whether a command comes back answered."""

from __future__ import annotations

import uuid

from pointsman.client import Client
from pointsman.errors import StackError, TimedOut

# No such model exists, so the command changes nothing; its refusal has passed broker, engine and router.
_MODEL = "pointsman.probe"


async def round_trip(kafka: str, timeout_s: float = 60.0) -> None:
    """Return when a control command was answered. Raises StackError after `timeout_s`."""
    command = {"id": f"probe-{uuid.uuid4().hex}", "model": _MODEL, "retire": []}
    try:
        async with Client(kafka) as client:
            await client.control(command, timeout=timeout_s)
    except TimedOut as error:
        raise StackError(
            "the job runs, but does not answer a control command; see `pointsman logs`"
        ) from error
