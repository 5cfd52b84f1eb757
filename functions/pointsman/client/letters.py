"""Reads the dead-letter topic: which letters there are, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from confluent_kafka import Message
from google.protobuf.message import DecodeError

from pointsman import topics
from pointsman.client.reader import Reader
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.head import stable_id
from pointsman.wire.letter import references_of

PURGED = pb.DeadLetter.PURGED


class Entry(msgspec.Struct, frozen=True):
    """A letter without its record. Times are in ms since the epoch; `replayed_ms` is 0 while it is open."""

    id: str
    model: str
    version: str
    code: str
    message: str
    at_ms: int
    attempts: int
    size: int
    origin: str
    references: tuple[str, ...]
    place: tuple[int, int]  # partition and offset in the dead-letter topic
    replayed_ms: int = 0


class Filter(msgspec.Struct, frozen=True):
    """Which letters are meant; what is empty or 0 is not asked for. Times are in ms since the epoch.

    Letters that were sent again are not meant, unless they are named or `replayed` is set.
    """

    model: str = ""
    version: str = ""
    code: str = ""
    since_ms: int = 0
    until_ms: int = 0
    ids: frozenset[str] = frozenset()
    replayed: bool = False

    def takes(self, entry: Entry) -> bool:
        """Whether a letter is meant."""
        return (
            self.model in ("", entry.model)
            and self.version in ("", entry.version)
            and self.code in ("", entry.code)
            and self.since_ms <= entry.at_ms
            and (not self.until_ms or entry.at_ms < self.until_ms)
            and (not self.ids or entry.id in self.ids)
            and (not entry.replayed_ms or self.replayed or bool(self.ids))
        )


def letters(kafka: str, wanted: Filter) -> list[Entry]:
    """Return the letters that are meant, oldest first. Raises ClientError."""
    return [entry for entry in all_letters(kafka) if wanted.takes(entry)]


def all_letters(kafka: str) -> list[Entry]:
    """Return every letter that was not purged, oldest first; of a model's several with one id the last."""
    found: dict[tuple[str, str], Entry] = {}
    with Reader(kafka, topics.DEAD_LETTERS, committed=True) as reader:
        for message in reader.to_end():
            letter = _letter(message)
            if letter is None:
                continue  # not ours
            key = (letter.model, letter.id)
            if letter.mark:
                _settle(found, key, letter)
            else:
                found[key] = _entry(letter, message)
    return sorted(found.values(), key=lambda entry: entry.at_ms)


def whole(kafka: str, entries: Iterable[Entry]) -> Iterator[tuple[Entry, pb.DeadLetter]]:
    """Yield the letters of entries, each with its record, in the order of each model. Raises ClientError.

    They are read as they are asked for, so memory does not grow with their number.
    """
    by_place = {entry.place: entry for entry in entries}
    with Reader(kafka, topics.DEAD_LETTERS) as reader:
        for message in reader.at(by_place):
            letter = _letter(message)
            if letter is not None:
                yield by_place[_place(message)], letter


def _settle(found: dict[tuple[str, str], Entry], key: tuple[str, str], note: pb.DeadLetter) -> None:
    """Take a mark into account: it lies behind the letters that it speaks of, in the same partition."""
    entry = found.get(key)
    if entry is None or entry.attempts > note.attempts:
        return
    if note.mark == PURGED:
        del found[key]
    else:
        found[key] = msgspec.structs.replace(entry, replayed_ms=note.at_ms)


def _letter(message: Message) -> pb.DeadLetter | None:
    try:
        return pb.DeadLetter.FromString(message.value() or b"")
    except DecodeError:
        return None


def _place(message: Message) -> tuple[int, int]:
    return message.partition() or 0, message.offset() or 0


def _entry(letter: pb.DeadLetter, message: Message) -> Entry:
    return Entry(
        id=letter.id,
        model=letter.model,
        version=letter.version,
        code=letter.error.code,
        message=letter.error.message,
        at_ms=letter.at_ms,
        attempts=letter.attempts,
        size=letter.value_size,
        origin=stable_id(letter.ingress),
        references=() if letter.sha256 else tuple(references_of(letter.ingress)),
        place=_place(message),
    )
