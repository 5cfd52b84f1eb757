"""The backlog function: reads requests again that wait in their topics, and gives them to their router."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, NamedTuple

from confluent_kafka import KafkaException, Message

from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import FED, READING, Call
from pointsman.stores.records import Pick, Readable
from pointsman.wire.head import read_heads
from pointsman.wire.place import Route, passed_on, route_of
from pointsman.wire.record import address_of, ingress_of

logger = logging.getLogger(__name__)

# A reading gives what it found in so much time: the call must end, and the next one goes on from there.
READ_S: Final = 2.0
AGAIN_MS: Final = 1_000
# Open cursors of a process, each a connection to the brokers and at most 4 MiB read ahead. They read on while
# nobody asks, so they do not stay open for long.
MOST_CURSORS: Final = 8
IDLE_S: Final = 5.0


class _Whose(NamedTuple):
    """Whose records a cursor looks for, and by which way they came to it."""

    model: str
    route: Route


class _Open(NamedTuple):
    """An open cursor, and when it was last asked, on the event loop's clock."""

    cursor: Readable
    used_at: float


class BacklogFunction:
    """`pointsman/backlog`, with an address for each model and partition. It keeps no state.

    What it answers depends on nothing but the topic, so a call that is made again gives the same.
    """

    states: Mapping[str, str] = {}
    messages = frozenset({READING})

    def __init__(self, open_cursor: Callable[[str, int, Pick], Readable]) -> None:
        self._open_cursor = open_cursor
        self._cursors: OrderedDict[_Whose, _Open] = OrderedDict()  # the one used last is the last
        self._sweep: asyncio.TimerHandle | None = None

    async def __call__(self, call: Call) -> bytes:
        """Return the reply to a call. Where nothing can be read the router is told so after a second.

        It then asks again: whoever else did would go on doing so when nobody waits for the answer any more.
        """
        effects = Effects()
        for reading in _newest(call):
            try:
                fed = await asyncio.to_thread(_read, self._cursor(reading), reading)
            except (KafkaException, RuntimeError) as error:  # or the cursor was closed for another meanwhile
                logger.warning("%s cannot be read again yet: %s", call.id, error)
                fed = serving_pb2.Fed(stretch=reading.stretch, next=reading.stretch.start)
                value = fed.SerializeToString()
                effects.send_after(AGAIN_MS, "pointsman", "router", reading.model, FED, value)
                continue
            effects.send("pointsman", "router", reading.model, FED, fed.SerializeToString())
        return effects.to_bytes()

    @asynccontextmanager
    async def lifetime(self) -> AsyncIterator[None]:
        """Close what was opened."""
        try:
            yield
        finally:
            if self._sweep is not None:
                self._sweep.cancel()
            while self._cursors:
                self._cursors.popitem()[1].cursor.close()

    def _cursor(self, reading: serving_pb2.Reading) -> Readable:
        stretch = reading.stretch
        whose = _Whose(reading.model, route_of(stretch))
        found = self._cursors.pop(whose, None)
        if found is None:
            pick = partial(_picked, whose, stretch.format, stretch.declared_model)
            found = _Open(self._open_cursor(stretch.topic, stretch.partition, pick), 0.0)
        loop = asyncio.get_running_loop()
        self._cursors[whose] = found._replace(used_at=loop.time())
        if len(self._cursors) > MOST_CURSORS:
            self._close_oldest()
        if self._sweep is None:
            self._sweep = loop.call_later(IDLE_S, self._close_idle)
        return found.cursor

    def _close_idle(self) -> None:
        """Close what nobody has asked for a while."""
        loop = asyncio.get_running_loop()
        while self._cursors and next(iter(self._cursors.values())).used_at <= loop.time() - IDLE_S:
            self._close_oldest()
        self._sweep = loop.call_later(IDLE_S, self._close_idle) if self._cursors else None

    def _close_oldest(self) -> None:
        """Close a cursor off the event loop: that waits for a reading under way, and for the brokers."""
        _, oldest = self._cursors.popitem(last=False)
        asyncio.get_running_loop().run_in_executor(None, oldest.cursor.close)


def _newest(call: Call) -> Iterable[serving_pb2.Reading]:
    """Return the readings of a call without those that were asked for anew later."""
    newest: dict[_Whose, serving_pb2.Reading] = {}
    for invocation in call.invocations:
        if invocation.typename != READING:
            logger.warning("a backlog knows no message of type %s", invocation.typename)
            continue
        reading = serving_pb2.Reading.FromString(invocation.value)
        whose = _Whose(reading.model, route_of(reading.stretch))
        if whose not in newest or reading.stretch.ticket > newest[whose].stretch.ticket:
            newest[whose] = reading
    return newest.values()


def _read(cursor: Readable, reading: serving_pb2.Reading) -> serving_pb2.Fed:
    asked = reading.stretch
    found, upto, lost = cursor.read(asked.start, asked.end, reading.records, reading.bytes, READ_S)
    batch = serving_pb2.RawBatch(records=[one.value for one in found]).SerializeToString()
    return serving_pb2.Fed(stretch=asked, next=upto, batch=batch, lost=lost)


def _picked(whose: _Whose, fmt: ingress_pb2.Format, declared_model: str, message: Message) -> bytes | None:
    """Return the Ingress of a record, as the engine would wrap it, if it came to the model by this route."""
    via = whose.route.via
    ingress = ingress_of(message, fmt, declared_model)
    if address_of(ingress) != (via or whose.model):
        return None
    record = ingress.SerializeToString()
    if not via:
        return record
    (head,) = read_heads(ingress_pb2.IngressBatch(records=[ingress]).SerializeToString())
    is_mine = head.fault is None and head.model == whose.model
    return passed_on(record, via) if is_mine else None
