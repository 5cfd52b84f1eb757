"""The answer to a control command."""

from __future__ import annotations

import msgspec

from pointsman.errors import Failure


class Ack(msgspec.Struct, frozen=True):
    """`epoch` is the model's table after the command; `error` says why it was refused.

    `note` is what to know of one that was obeyed.
    """

    command: str
    model: str = ""
    epoch: int = 0
    ok: bool = False
    kind: str = ""
    actor: str = ""
    repeated: bool = False
    error: Failure | None = None
    at_ms: int = 0
    note: str = ""
