"""One version that a host holds, from the moment it is wanted to its release."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from pointsman.core.spec import VersionSpec
from pointsman.core.table import VersionState
from pointsman.core.tensor import Signature
from pointsman.runtimes.base import Key
from pointsman.runtimes.resident import Inhabitant

OnState: TypeAlias = Callable[[VersionState, str], None]
Terms: TypeAlias = tuple[str, int, int]


class Status(msgspec.Struct, frozen=True):
    """What a pod announces about one version. `footprint` is in bytes; what is unknown is empty."""

    state: VersionState
    reason: str = ""
    signature: Signature | None = None
    sha256: str = ""
    footprint: int = 0


class Use(msgspec.Struct):
    """What was computed on a version since the process began, and whether it is in memory now."""

    in_memory: bool = False
    last_ms: int = 0  # of the system's clock; 0: never
    passes: int = 0
    rows: int = 0
    loads: int = 0
    load_ms: int = 0  # what the last load took, from when it was asked for

    def add(self, passes: int, rows: int, now_ms: int) -> None:
        """Count what is computed now."""
        self.passes += passes
        self.rows += rows
        self.last_ms = now_ms


class Slot:
    """A wanted version: LOADING -> WARMING -> READY | FAILED.

    `resident` is None until it is loaded, and again after it was evicted. A version that is READY stays so
    out of memory: it comes back when it is asked for. So does one that some pod has loaded before, where this
    one has no room for it.
    """

    def __init__(self, key: Key, spec: VersionSpec, on_state: OnState, is_proven: bool = False) -> None:
        self.key = key
        self.spec = spec
        self.status = Status(VersionState.REGISTERED)
        self.resident: Inhabitant | None = None
        self.is_loading = True
        self.use = Use()
        self.size = 0  # bytes that it takes, before it was loaded as far as is known
        self.is_proven = is_proven  # it was loaded once, here or at another pod
        self.retry_at = math.inf  # when to load it again, on the monotonic clock
        self.asked_at = 0.0  # when it began to wait for its load, on the monotonic clock
        self.awaiting = 0  # calls that wait for it
        self.is_confined = False  # `resident` is in a process of its own, where it could be on a thread
        self.terms = terms_of(spec)  # as it was loaded last
        self._on_state = on_state

    @property
    def is_busy(self) -> bool:
        """Whether something runs on it."""
        return self.resident is not None and self.resident.is_used

    def take(self, resident: Inhabitant, sha256: str) -> None:
        """Have the version in memory."""
        loaded = resident.loaded
        self.resident, self.size = resident, loaded.footprint
        self.is_proven = True
        self.use.in_memory, self.use.loads = True, self.use.loads + 1
        self.use.load_ms = round((time.monotonic() - self.asked_at) * 1000)
        self.move(Status(VersionState.READY, "", loaded.signature, sha256, loaded.footprint))

    def stand_by(self) -> None:
        """Be READY without being in memory: what some pod found when it loaded the version is in `spec`."""
        if self.status.state is not VersionState.READY:
            self.move(Status(VersionState.READY, "", self.spec.signature, self.spec.sha256, self.size))

    def remark(self, reason: str) -> None:
        """Say something of a version that serves all the same."""
        if self.status.state is VersionState.READY:
            self.move(msgspec.structs.replace(self.status, reason=reason))

    def move(self, status: Status) -> None:
        """Take on a new state and tell whoever wanted the version.

        One that is READY, or FAILED and tried again, loads in silence.
        """
        is_coming_back = self.status.state in (VersionState.READY, VersionState.FAILED)
        if is_coming_back and status.state in (VersionState.LOADING, VersionState.WARMING):
            return
        if status != self.status:
            self.status = status
            self._on_state(status.state, status.reason)


def terms_of(spec: VersionSpec) -> Terms:
    """Return what a version cannot change while it is in memory: where it runs, its time, its memory."""
    return spec.isolation, spec.compute_timeout, spec.memory
