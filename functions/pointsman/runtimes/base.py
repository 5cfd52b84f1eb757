"""What every runtime gives: a loaded version, and what a model's misbehaviour looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from pointsman.core.tensor import Item, Signature
from pointsman.errors import DEADLINE_EXCEEDED, INTERNAL, RETRYABLE, UNAVAILABLE, Failure

MAX_MESSAGE: Final = 200
DEFAULT_OUTPUT: Final = "output"
DEFAULT_INPUT: Final = "input"

# Trouble that may be over by itself: another version, or another moment, may do.
PASSING: Final = RETRYABLE | {DEADLINE_EXCEEDED}

Result: TypeAlias = Item | Failure

# Stands, itself and no equal, where a request was not computed to its end, through no fault that is known:
# it is to be brought again. Only a sender that has waited long enough is told so.
UNRUN: Final = Failure(UNAVAILABLE, "the model's process ended before this request was computed; try again")


class Key(NamedTuple):
    """One registration of one version. A version registered anew has a higher generation."""

    model: str
    version: str
    generation: int

    def __str__(self) -> str:
        return f"{self.model}~{self.version} (generation {self.generation})"


class Loaded(Protocol):
    """A version in memory. Its methods are called by one thread at a time and may block."""

    signature: Signature | None
    """What requests are checked against; None where nobody declared one and nothing was inferred."""

    footprint: int
    """Bytes of weights."""

    isolated: bool
    """Whether it computes in a process of its own, which it ends itself when that hangs."""

    def infer(self, items: Sequence[Item], max_batch: int) -> list[Result]:
        """Return one result per item, in order. Never raises.

        `max_batch` bounds the rows of a forward pass.
        """
        ...

    def warm(self, item: Item, max_batch: int) -> Result:
        """Run an example as the first pass and return its result. Never raises."""
        ...

    def unload(self) -> None:
        """Free what it holds. No call follows."""
        ...


class Fault(Exception):
    """A model broke its contract for these items; `failure` is what their senders are told.

    It never leaves the runtimes. `final` says that trying the items again, fewer at a time, is of no use;
    `rows` says why each row of the batch that is to blame is, where that is known.
    """

    def __init__(
        self, failure: Failure, *, final: bool = False, rows: Mapping[int, Failure] | None = None
    ) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.final = final
        self.rows = rows or {}


def raised(error: BaseException) -> Failure:
    """Return the failure that tells of an exception out of the model's code, in one short line."""
    return broken(f"the model raised {type(error).__name__}: {error}".rstrip(": "))


def broken(message: str) -> Failure:
    """Return an INTERNAL failure."""
    return Failure(INTERNAL, one_line(message))


def one_line(message: str) -> str:
    """Return a message on one line of at most MAX_MESSAGE characters, all of which UTF-8 has."""
    # Foreign code may raise with half a surrogate pair, and no answer could be written with that.
    line = " ".join(message.encode(errors="replace").decode().split())
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"
