"""Where an artifact comes from, as a download sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

BLOCK: Final = 1 << 20


class Unreachable(Exception):
    """The store does not answer, or broke off: it may be asked again. The text shows no credentials."""


class Stream(NamedTuple):
    """Bytes from `start` on, which may be before what was asked for; `total` of the whole, 0: not known.

    Blocks that end before `total` are a store that broke off: the download sees to that.
    """

    start: int
    total: int
    blocks: Iterator[bytes]


class Source(Protocol):
    """One artifact in its store."""

    def open(self, start: int) -> AbstractContextManager[Stream]:
        """Return its bytes from `start` on. Entering and reading raise Unreachable, or LoadError for good."""
        ...
