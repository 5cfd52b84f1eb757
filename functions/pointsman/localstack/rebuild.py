"""What a job without state needs to have its tables again: their snapshots, taken in before anything else."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import msgspec

from pointsman import topics
from pointsman.client.catalogue import read_catalogue
from pointsman.client.reader import Reader
from pointsman.core.table import RouteTable
from pointsman.errors import ClientError, StackError

WITHIN_S: Final = 120.0


class _Event(msgspec.Struct):
    model: str = ""
    kind: str = ""
    epoch: int = 0


class Rebuild:
    """Waits until every router has taken in its snapshot. Open it before the job starts, and in a thread."""

    def __init__(self, kafka: str) -> None:
        self._tables: Mapping[str, RouteTable] = _catalogue(kafka)
        self._events = Reader(kafka, topics.EVENTS)
        self._events.place_at_end()

    @property
    def is_needed(self) -> bool:
        """Whether there is a table to rebuild."""
        return bool(self._tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._events.__exit__(kind, error, trace)

    def wait(self, timeout_s: float = WITHIN_S) -> None:
        """Return when all are taken in. Raises StackError naming one that is not in time."""
        missing = {model: table.epoch for model, table in self._tables.items()}
        for message in self._events.rest(timeout_s):
            event = _event(message.value() or b"")
            # A job that was killed may have begun again below an epoch it had written: the highest counts.
            if event.kind == "rebuild" and event.model in missing and event.epoch >= missing[event.model]:
                del missing[event.model]
            if not missing:
                return
        raise StackError(
            f"{len(missing)} of {len(self._tables)} tables were not taken in, one is of {min(missing)!r}; "
            "see `pointsman logs router`"
        )


def _catalogue(kafka: str) -> dict[str, RouteTable]:
    try:
        return {model: table for model, table in read_catalogue(kafka).items() if table.epoch}
    except ClientError as error:
        raise StackError(f"the tables on {topics.ROUTES} cannot be read: {error}") from error


def _event(value: bytes) -> _Event:
    try:
        return msgspec.json.decode(value, type=_Event)
    except msgspec.MsgspecError:
        return _Event()  # written by somebody else
