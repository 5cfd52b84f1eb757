"""Bytes of bodies that a server holds at a time, over all its connections."""

from __future__ import annotations

from typing import Final

# Small bodies are not counted: connections are bounded, and nobody must be able to keep small requests out
# by sending large ones.
SMALL: Final = 64 << 10
NO_ROOM: Final = "the server holds as many bytes of requests as it may; try again later"


class Budget:
    """What there is for all: `most` bytes; None: there is no bound."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self.held = 0
        """Bytes held at present, of bodies that are not small."""

    def has(self, size: int) -> bool:
        """Return whether there is room for so many bytes more."""
        return self._most is None or self.held + size <= self._most


class Hold:
    """What one request holds of it, from its first byte until it is answered."""

    __slots__ = ("_budget", "_held")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def fits(self, size: int) -> bool:
        """Return whether there would be room for `size` bytes instead of what is held."""
        more = _counted(size) - self._held
        return more <= 0 or self._budget.has(more)

    def resize(self, size: int) -> bool:
        """Hold `size` bytes instead of what is held; False: there is no room, and nothing has changed."""
        counted = _counted(size)
        if counted == self._held:
            return True  # nearly always: a small one
        if not self.fits(size):
            return False
        self._budget.held += counted - self._held
        self._held = counted
        return True

    def release(self) -> None:
        """Hold nothing. May be said again."""
        self.resize(0)


def _counted(size: int) -> int:
    return size if size > SMALL else 0


# Of what came over no connection.
UNBOUNDED: Final = Hold(Budget())
