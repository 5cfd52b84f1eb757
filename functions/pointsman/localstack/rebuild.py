"""What a job without state needs to have its tables again: their snapshots, taken in before anything else."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import msgspec

from pointsman import topics
from pointsman.client.catalogue import read_snapshots
from pointsman.client.reader import Reader
from pointsman.core.history import REBUILD_S
from pointsman.errors import ClientError, StackError


class _Event(msgspec.Struct):
    model: str = ""
    kind: str = ""
    command: str = ""

    @property
    def offset(self) -> int:
        """Where the snapshot lies that was taken in; it is named as the command."""
        number = self.command.rpartition("-")[2]
        return int(number) if number.isdecimal() else -1


class Rebuild:
    """Waits until every router has taken in its snapshot. Open it before the job starts, and in a thread."""

    def __init__(self, kafka: str) -> None:
        self._offsets: Mapping[str, int] = _snapshots(kafka)
        self._events = Reader(kafka, topics.EVENTS)
        self._events.place_at_end()

    @property
    def is_needed(self) -> bool:
        """Whether there is a table to rebuild."""
        return bool(self._offsets)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._events.__exit__(kind, error, trace)

    def wait(self, timeout_s: float = REBUILD_S) -> None:
        """Return when all are taken in. Raises StackError naming one that is not in time."""
        missing = dict(self._offsets)
        for message in self._events.rest(timeout_s):
            event = _event(message.value() or b"")
            if event.kind == "rebuild" and event.model in missing and event.offset >= missing[event.model]:
                del missing[event.model]
            if not missing:
                return
        raise StackError(
            f"{len(missing)} of {len(self._offsets)} tables were not taken in, one is of {min(missing)!r}; "
            "see `pointsman logs router`"
        )


def _snapshots(kafka: str) -> dict[str, int]:
    try:
        return {model: last.offset for model, last in read_snapshots(kafka).items() if last.table.epoch}
    except ClientError as error:
        raise StackError(f"the tables on {topics.ROUTES} cannot be read: {error}") from error


def _event(value: bytes) -> _Event:
    try:
        return msgspec.json.decode(value, type=_Event)
    except msgspec.MsgspecError:
        return _Event()  # written by somebody else
