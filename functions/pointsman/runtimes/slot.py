"""One version that a host holds, from the moment it is wanted to its release."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.core.tensor import Signature
from pointsman.runtimes.base import Key
from pointsman.runtimes.resident import Inhabitant

OnState: TypeAlias = Callable[[VersionState, str], None]


class Status(msgspec.Struct, frozen=True):
    """What a pod announces about one version. `footprint` is in bytes; what is unknown is empty."""

    state: VersionState
    reason: str = ""
    signature: Signature | None = None
    sha256: str = ""
    footprint: int = 0


class Slot:
    """A wanted version: LOADING -> WARMING -> READY | FAILED.

    `resident` is None until it is loaded, and again after it was evicted. An evicted version stays READY:
    it comes back when it is asked for.
    """

    def __init__(self, key: Key, spec: VersionSpec, on_state: OnState) -> None:
        self.key = key
        self.spec = spec
        self.status = Status(VersionState.REGISTERED)
        self.resident: Inhabitant | None = None
        self.is_loading = True
        self.is_confined = False  # `resident` is in a process of its own for the time of its quarantine
        self._on_state = on_state

    def move(self, status: Status) -> None:
        """Take on a new state and tell whoever wanted the version; a READY one loads again in silence."""
        is_coming_back = self.status.state is VersionState.READY
        if is_coming_back and status.state in (VersionState.LOADING, VersionState.WARMING):
            return
        if status != self.status:
            self.status = status
            self._on_state(status.state, status.reason)
