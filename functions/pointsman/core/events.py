"""What the router tells the world about a model: the records of the events topic."""

from __future__ import annotations

import msgspec

from pointsman.errors import Failure


class Ack(msgspec.Struct, frozen=True):
    """The final answer to a command. `epoch` is the table's after it; a repeat is `repeated`.

    `note` says what one should know of a command that was obeyed.
    """

    command: str
    model: str
    epoch: int
    kind: str = ""
    actor: str = ""
    repeated: bool = False
    error: Failure | None = None
    note: str = ""


class VersionEvent(msgspec.Struct, frozen=True):
    """A version changed its state."""

    model: str
    version: str
    state: str
    epoch: int
    reason: str = ""


class Repeats(msgspec.Struct, frozen=True):
    """A window dropped requests that had come already. `total` counts all it ever dropped, each once."""

    model: str
    bucket: int
    dropped: int
    total: int
    id: str


Event = Ack | VersionEvent | Repeats
