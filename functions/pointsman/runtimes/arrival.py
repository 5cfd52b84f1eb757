"""A version's files, before they are opened: on this disk, and how far they are on their way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from pointsman.core.spec import VersionSpec
from pointsman.errors import UNAVAILABLE, Failure, LoadError

# Each change of a version's reason is a new epoch of its table: it is told of slow work, now and then.
FIRST_S: Final = 1.0
EVERY_S: Final = 5.0


class Placed(Protocol):
    """A version whose files are there until it is released, and the stores that may hold code."""

    spec: VersionSpec
    trusted_stores: tuple[str, ...]

    def release(self) -> None:
        """Let the files go."""
        ...


Place: TypeAlias = Callable[[VersionSpec, Callable[[str], None]], Placed]
"""Brings the files of a version; is given whom to tell how far it is. Blocks; raises LoadError."""


class AtHand:
    """A version whose files are where it says."""

    def __init__(self, spec: VersionSpec, trusted_stores: tuple[str, ...]) -> None:
        self.spec = spec
        self.trusted_stores = trusted_stores

    def release(self) -> None:
        """Do nothing: they are not ours."""


class Telling:
    """Tells how far work is, seldom, and ends it where nobody wants it any more. For one thread."""

    def __init__(
        self,
        tell: Callable[[str], None],
        is_wanted: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._is_wanted = is_wanted
        self._clock = clock
        self._next = clock() + FIRST_S

    def __call__(self, reason: str) -> None:
        """Take note of how far it is; raises LoadError where it should end."""
        if not self._is_wanted():
            raise LoadError(Failure(UNAVAILABLE, "the version is not wanted any more"))
        if self._clock() >= self._next:
            self._next = self._clock() + EVERY_S
            self._tell(reason)
