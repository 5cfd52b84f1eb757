"""Finds the requests that end their process, by how they fare alone."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np

from pointsman.core.batching import cut
from pointsman.core.tensor import Item
from pointsman.core.tensor import rows as rows_of
from pointsman.errors import DEADLINE_EXCEEDED, INTERNAL, Failure
from pointsman.runtimes.base import UNRUN, Result

Attempt: TypeAlias = Callable[[Sequence[Item]], Sequence[Result]]

# After a death a call goes on for so long, then leaves the rest to another: a call must end in time.
PATIENCE_S: Final = 10.0
HUNG: Final = Failure(DEADLINE_EXCEEDED, "the model did not return in time")
_REMEMBERED: Final = 64
_UNBOUNDED: Final = 1 << 20


class Ended(Exception):
    """The process died in the pass ("SIGSEGV", "exit code 3"), or did not return and was ended ("")."""

    def __init__(self, how: str) -> None:
        super().__init__(how or "hung")
        self.how = how


class Unready(Exception):
    """There is no process to compute in yet."""


class Trial:
    """Chooses which requests of a version share a pass, and convicts those that end its process.

    When a pass of several ends the process, each of them then goes alone; afterwards passes grow again from
    one, twice as large after each that went well. A request is convicted when, alone, it has ended the
    process twice, or has once not returned in time: the first death may have been somebody else's work. So a
    culprit costs three deaths at most, however large the batch, and one where its like was met before.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limit = _UNBOUNDED  # requests in a pass
        self._alone = 0  # so many of the next go alone
        self._struck: deque[bytes] = deque(maxlen=_REMEMBERED)

    def run(self, attempt: Attempt, items: Sequence[Item], max_batch: int) -> list[Result]:
        """Return one result per item, in order; UNRUN for those that another call should bring again.

        `attempt` returns the results of a pass, or raises Ended or Unready.
        """
        over, results = self._clock() + PATIENCE_S, list[Result]()
        while len(results) < len(items):
            part = self._next(items, len(results), max_batch)
            try:
                results += attempt(part)
                self._went_well(part)
            except Unready:
                break
            except Ended as ended:
                results += self._verdict(part, ended)
            if self._limit < _UNBOUNDED and self._clock() >= over:
                break
        return results + [UNRUN] * (len(items) - len(results))

    def _next(self, items: Sequence[Item], at: int, max_batch: int) -> Sequence[Item]:
        some = items[at : at + (1 if self._alone else self._limit)]
        return some[cut(list(map(rows_of, some)), max_batch)[0]]

    def _went_well(self, part: Sequence[Item]) -> None:
        if self._struck and len(part) == 1 and (digest := _digest(part[0])) in self._struck:
            self._struck.remove(digest)
        if self._alone:
            self._alone -= 1
        elif self._limit < _UNBOUNDED:
            self._limit *= 2

    def _verdict(self, part: Sequence[Item], ended: Ended) -> list[Result]:
        """Return the answer of a convicted item, or nothing yet."""
        self._limit = 1
        if len(part) > 1:
            self._alone = len(part)
            return []
        if ended.how:
            digest = _digest(part[0])
            if digest not in self._struck:
                self._struck.append(digest)
                return []
        self._alone = max(0, self._alone - 1)
        return [_convicted(ended.how) if ended.how else HUNG]


def _convicted(how: str) -> Failure:
    return Failure(INTERNAL, f"the request ended the model's process each time it was computed: {how}")


def _digest(item: Item) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for name, array in sorted(item.items()):
        content = repr(array.tolist()).encode() if array.dtype.hasobject else np.ascontiguousarray(array).data
        found.update(f"{name} {array.dtype} {array.shape} ".encode())
        found.update(content)
    return found.digest()
