"""The requests of one model that wait in their topics.

Where a model's shards have enough to do, its router lets go of what comes and only remembers where it lies:
a stretch of each partition. It has the stretches read again, in order, as its shards get done. Nothing is
copied, nothing is refused, and no other model of the partition waits.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from pointsman.core.decide import Wait
from pointsman.pb.v1 import serving_pb2
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import READING
from pointsman.statefun.router_state import RouterState
from pointsman.wire.head import split_records
from pointsman.wire.place import Route, read_places, route_of

logger = logging.getLogger(__name__)

# A reading asks for no more records and bytes than one call should decide on.
MOST_RECORDS: Final = 4096
MOST_BYTES: Final = 2 << 20
# Room for less than this part of what may be in flight is not worth a reading.
_PARTS: Final = 8
# What is read although no version may take it: those among it that are too old get their answer.
_LOOK: Final = 256
# Without a ready version it looks again after 0.25, 0.5, 1, 2, 2, ... seconds.
_LOOK_MS: Final = (250, 500, 1_000, 2_000)
# A reading without an answer for so long is asked for anew. The job loses no message, but a router that does
# not know it, in a rolling upgrade, drops it; then the whole partition would wait for ever.
OVERDUE_MS: Final = 30_000


class Backlog:
    """The stretches of one model during one call of its router; they are part of the state `arms`."""

    def __init__(self, model: str, state: RouterState, effects: Effects, now_ms: int) -> None:
        self._model = model
        self._state = state
        self._effects = effects
        self._now_ms = now_ms

    def joined_by(self, batch: bytes) -> bytes:
        """Let the records of an IngressBatch wait whose route waits already; return the others."""
        stretches = {route_of(stretch): stretch for stretch in self._state.arms.backlog}
        if not stretches:
            return batch
        ends = {route: stretch.end for route, stretch in stretches.items()}
        rest: list[int] = []
        places = read_places(batch)
        for index, place in enumerate(places):
            route = Route(place.topic, place.partition, place.via)
            end = ends.get(route)
            # A topic that was made anew counts from the beginning: its records do not lie behind the stretch.
            if end is None or place.offset < end:
                rest.append(index)
            else:
                ends[route] = place.offset + 1
        if len(rest) == len(places):
            return batch
        for route, end in ends.items():
            stretches[route].end = end
        self._state.touch("arms")
        records = split_records(batch)
        return serving_pb2.RawBatch(records=[records[index] for index in rest]).SerializeToString()

    def begin(self, batch: bytes, left: Sequence[int]) -> None:
        """Let the records at these indices of an IngressBatch wait, which are the last of their routes."""
        stretches = {route_of(stretch): stretch for stretch in self._state.arms.backlog}
        places = read_places(batch)
        for index in left:
            place = places[index]
            route = route_of(place)
            stretch = stretches.get(route)
            if stretch is None:
                stretch = stretches[route] = self._state.arms.backlog.add(
                    topic=place.topic,
                    partition=place.partition,
                    via=place.via,
                    format=place.format,
                    declared_model=place.declared_model,
                )
                stretch.start = place.offset
            stretch.end = max(stretch.end, place.offset + 1)
        self._state.touch("arms")

    def current(self, fed: serving_pb2.Fed) -> serving_pb2.Stretch | None:
        """Return the stretch that a reading was made for, if it still begins where that began.

        So of two answers from one place, of which the first came late, only one is taken.
        """
        asked = fed.stretch
        for stretch in self._state.arms.backlog:
            if route_of(stretch) == route_of(asked) and stretch.start == asked.start:
                return stretch
        return None

    def advance(self, stretch: serving_pb2.Stretch, fed: serving_pb2.Fed, left: Sequence[int]) -> None:
        """Move the start of a stretch behind what was read, or to the first record that was left."""
        start = read_places(fed.batch)[left[0]].offset if left else fed.next
        if not left or left[0]:
            stretch.attempt = 0
        stretch.is_read = False
        stretch.start = start
        if fed.lost:
            logger.error(
                "%d offsets of %s-%d are gone while requests to %s waited there: older than the topic keeps",
                fed.lost, stretch.topic, stretch.partition, self._model,
            )  # fmt: skip
        if start >= stretch.end:
            self._state.arms.backlog.remove(stretch)
        self._state.touch("arms")

    def ask(self) -> None:
        """Have the next requests read where there is room for them."""
        stretches = self._state.arms.backlog
        if not stretches:
            return
        if self._state.plan.split is None and isinstance(self._state.plan.no_split, Wait):
            for stretch in stretches:
                if not self._is_under_way(stretch):
                    self._read(stretch, _LOOK, _LOOK_MS[min(stretch.attempt, len(_LOOK_MS) - 1)])
            return
        room = self._state.room()
        if room.size <= 0 or room.count * _PARTS < room.limit:
            return
        # All of it goes to one shard: a version's shards share a compute thread, and parts fill no batches.
        share = min(MOST_RECORDS, max(1, room.count // len(stretches)))
        for stretch in stretches:
            if stretch.attempt or not self._is_under_way(stretch):
                self._read(stretch, share, 0)

    def _is_under_way(self, stretch: serving_pb2.Stretch) -> bool:
        return stretch.is_read and self._now_ms - stretch.asked_ms < OVERDUE_MS

    def _read(self, stretch: serving_pb2.Stretch, records: int, delay_ms: int) -> None:
        stretch.ticket += 1
        stretch.asked_ms = self._now_ms
        stretch.is_read, stretch.attempt = True, stretch.attempt + 1 if delay_ms else 0
        reading = serving_pb2.Reading(model=self._model, stretch=stretch, records=records, bytes=MOST_BYTES)
        address = f"{self._model}~{stretch.topic}~{stretch.partition}"
        value = reading.SerializeToString()
        if delay_ms:
            self._effects.send_after(delay_ms, "pointsman", "backlog", address, READING, value)
        else:
            self._effects.send("pointsman", "backlog", address, READING, value)
        self._state.touch("arms")


def fed_apart(fed: serving_pb2.Fed) -> list[serving_pb2.Fed]:
    """Return an answer to a reading as one for each record, in their order."""
    parts: list[serving_pb2.Fed] = []
    start = fed.stretch.start
    for record, place in zip(split_records(fed.batch), read_places(fed.batch), strict=True):
        batch = serving_pb2.RawBatch(records=[record]).SerializeToString()
        parts.append(serving_pb2.Fed(stretch=fed.stretch, next=place.offset + 1, batch=batch))
        parts[-1].stretch.start = start
        start = place.offset + 1
    if not parts:
        return [fed]
    parts[-1].next, parts[0].lost = fed.next, fed.lost
    return parts
