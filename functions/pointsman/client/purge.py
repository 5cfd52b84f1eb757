"""Deletes dead letters, as far as Kafka lets one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from pointsman import topics
from pointsman.client.letters import PURGED, Entry, Filter, all_letters
from pointsman.client.reader import Reader
from pointsman.client.replayer import Letterbox
from pointsman.errors import ClientError

_ADMIN_S: Final = 30.0


class Purged(NamedTuple):
    """What a purge did: letters that are deleted, letters that are only marked, and free references."""

    deleted: list[Entry]
    marked: list[Entry]
    references: list[str]


def purge(kafka: str, wanted: Filter, *, dry_run: bool = False) -> Purged:
    """Purge the letters that are meant; what `dry_run` returns is what would be done. Raises ClientError.

    Kafka deletes a partition's records from its beginning only. So the letters before the first one that
    stays are deleted, and each one behind it is marked: it is listed and replayed no more, and its bytes go
    with a later purge or with the topic's retention. The references are those that no other letter has.
    """
    with Reader(kafka, topics.DEAD_LETTERS) as reader:
        ends = reader.ends()  # before the letters are read: what is written meanwhile stays
    found = all_letters(kafka)
    meant = {entry.place for entry in found if wanted.takes(entry)}
    staying = [entry for entry in found if entry.place not in meant]
    first = first_kept(ends, (entry.place for entry in staying))
    going = [entry for entry in found if entry.place in meant]
    deleted = [entry for entry in going if entry.place[1] < first.get(entry.place[0], 0)]
    marked = [entry for entry in going if entry.place[1] >= first.get(entry.place[0], 0)]
    still = {key for entry in staying for key in entry.references}
    freed = sorted({key for entry in going for key in entry.references} - still)
    if not dry_run and going:
        _mark(kafka, marked)
        _delete(kafka, first)
    return Purged(deleted, marked, freed)


def first_kept(ends: Mapping[int, int], places: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return for each partition the first offset that stays: of a letter that does, else its end."""
    first = dict(ends)
    for partition, offset in places:
        first[partition] = min(offset, first.get(partition, offset))
    return first


def _mark(kafka: str, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    box = Letterbox(kafka)
    for entry in entries:
        box.mark(entry, PURGED)
    box.close()


def _delete(kafka: str, first: Mapping[int, int]) -> None:
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    places = [TopicPartition(topics.DEAD_LETTERS, *place) for place in first.items() if place[1]]
    try:
        for done in (admin.delete_records(places, request_timeout=_ADMIN_S) if places else {}).values():
            done.result()
    except KafkaException as error:
        raise ClientError(f"Kafka does not delete the letters: {error.args[0].str()}") from error
