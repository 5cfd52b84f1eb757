"""One artifact's way to the disk: begun, broken off, gone on with, verified."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from pointsman.errors import FAILED_PRECONDITION, OUT_OF_RANGE, UNAVAILABLE, Failure, LoadError
from pointsman.stores.digest import blocks_of
from pointsman.stores.source import Source, Stream, Unreachable

Tell: TypeAlias = Callable[[str], None]
"""Told how far it is, at each block; raises to end the download."""

_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 15.0
_MB: Final = 1_000_000


class Download:
    """Gathers an artifact in a file. What an earlier one has gathered there is its beginning.

    `claim` is asked to keep room for the bytes that there will be, before they come.
    """

    def __init__(
        self,
        source: Source,
        sha256: str,
        part: Path,
        *,
        most_bytes: int,
        claim: Callable[[int], bool],
        tell: Tell,
        field: str,
        digest_field: str,
    ) -> None:
        self._source = source
        self._sha256 = sha256
        self._part = part
        self._most = most_bytes
        self._claim = claim
        self._tell = tell
        self._field = field
        self._digest_field = digest_field

    def run(self, until: float) -> None:
        """Gather all of it. Raises LoadError, with the file gone where its bytes are not those wanted.

        `until` is on the monotonic clock.
        """
        wait_s = _FIRST_WAIT_S
        while True:
            before = self._gathered()
            try:
                found = self._attempt(before, until)
            except Unreachable as error:
                wait_s = _FIRST_WAIT_S if self._gathered() > before else min(2 * wait_s, _LONGEST_WAIT_S)
                self._pause(wait_s, until, str(error))
                continue
            if found == self._sha256:
                return
            self._part.unlink()
            if before:  # the beginning may have been of another file
                continue
            said = f"{self._digest_field}: what was fetched has {found}, not {self._sha256}"
            raise LoadError(Failure(FAILED_PRECONDITION, said, self._digest_field))

    def _attempt(self, before: int, until: float) -> str:
        """Fetch what is missing and return the digest of all."""
        with self._source.open(before) as stream, self._part.open("ab") as file:
            self._check(stream.total)
            digest = hashlib.sha256()
            if stream.start > before:
                raise Unreachable("the store sent another part than was asked for")
            file.truncate(stream.start)
            for block in blocks_of(self._part, stream.start):
                digest.update(block)
            for block in self._counted(stream, until):
                digest.update(block)
                file.write(block)
        return digest.hexdigest()

    def _counted(self, stream: Stream, until: float) -> Iterator[bytes]:
        at = stream.start
        self._say(at, stream.total)
        for block in stream.blocks:
            at += len(block)
            if at > (stream.total or self._most):
                self._check(at)
            if not stream.total and not self._claim(at):
                raise Unreachable(_NO_ROOM)
            if time.monotonic() > until:
                raise self._late("it comes too slowly")
            self._say(at, stream.total)
            yield block
        if at < stream.total:
            raise Unreachable("the store broke off")

    def _check(self, size: int) -> None:
        if size > self._most:
            said = f"{self._field}: it has more than the pod's artifact_bytes, {self._most}"
            raise LoadError(Failure(OUT_OF_RANGE, said, self._field))
        if not self._claim(size):
            raise Unreachable(_NO_ROOM)

    def _gathered(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _say(self, at: int, total: int) -> None:
        whole = f" of {total / _MB:,.0f}" if total else ""
        self._tell(f"{at / _MB:,.0f}{whole} MB")

    def _pause(self, seconds: float, until: float, reason: str) -> None:
        over = time.monotonic() + seconds
        if over > until:
            raise self._late(reason)
        while time.monotonic() < over:
            self._tell(f"{reason}; it is asked again")
            time.sleep(min(seconds, 0.2))

    def _late(self, reason: str) -> LoadError:
        return LoadError(Failure(UNAVAILABLE, f"{self._field}: not fetched in time: {reason}", self._field))


_NO_ROOM: Final = "the pod's artifact_cache_bytes are in use"
