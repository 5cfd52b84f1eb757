"""Names and addresses. The address scheme lives here alone: changing it is a state migration."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
GRAMMAR: Final = "[a-z0-9][a-z0-9._-]{0,62}"
NOBODY: Final = "_"  # the router that answers records which name no model

ROUTER: Final = "pointsman/router"
MODELS: Final = "models"
WINDOWS: Final = 16  # windows of a model that look for repeats


def is_name(text: str) -> bool:
    """Whether `text` may name a model, version, label or pool."""
    return NAME.fullmatch(text) is not None


# Requests for which somebody waits have a shard of their own, behind those of the stream.
INTERACTIVE_SHARD: Final = 64


class ShardAddress(NamedTuple):
    """The id of a model function: `<model>~<version>~<shard>`."""

    model: str
    version: str
    shard: int

    def __str__(self) -> str:
        return f"{self.model}~{self.version}~{self.shard}"

    @classmethod
    def parse(cls, text: str) -> ShardAddress | None:
        """Return the address, or None where `text` is not one."""
        parts = text.split("~")
        if len(parts) != 3 or not (parts[2].isascii() and parts[2].isdigit()):
            return None
        return cls(parts[0], parts[1], int(parts[2]))


class WindowAddress(NamedTuple):
    """The id of a window function: `<model>~<bucket>`."""

    model: str
    bucket: int

    def __str__(self) -> str:
        return f"{self.model}~{self.bucket}"

    @classmethod
    def parse(cls, text: str) -> WindowAddress:
        """Return the address; what is none is the window 0 of a model of that name."""
        model, _, bucket = text.rpartition("~")
        is_number = bucket.isascii() and bucket.isdigit()
        return cls(model, int(bucket)) if model and is_number else cls(text, 0)
