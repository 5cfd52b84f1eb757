"""Answers kept for models that ask for it: the same inputs to the same version are computed once.

A request is looked up where it is known which version would answer it: one is named, or one has all traffic.
Who asks for what is being computed waits for that (single flight). What somebody else asked for has no
decision: nobody was dealt an arm for it, and no reward can refer to it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

import msgspec

from pointsman.core.ids import is_name
from pointsman.core.table import RouteTable, VersionEntry, effective_split
from pointsman.errors import DEADLINE_EXCEEDED, Failure, SettingsError
from pointsman.gateway.call import Call, Plane
from pointsman.gateway.statistics import Statistics
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.duration import milliseconds
from pointsman.wire.malformed import UNREADABLE
from pointsman.wire.response import error_to_pb

# One answer must not drive out all others.
MOST_OF_ROOM: Final = 8
# To read JSON takes time in which nobody else is served.
MOST_JSON_BYTES: Final = 64 * 1024

Key: TypeAlias = tuple[str, str, int, bytes]

_json: Final = msgspec.json.Encoder(order="deterministic")


class _Kept(NamedTuple):
    value: bytes
    until_ns: int


class CachingPlane:
    """A plane before another. `seconds` says for which models answers are kept, and how long.

    At most `most_bytes` of answers are kept, none larger than an eighth of that; what was asked for least
    recently goes first. Requests of more JSON than MOST_JSON_BYTES are not looked up. `clock_ns` is
    monotonic. Belongs to one event loop.
    """

    def __init__(
        self,
        plane: Plane,
        catalogue: Mapping[str, RouteTable],
        seconds: Mapping[str, float],
        most_bytes: int,
        statistics: Statistics,
        clock_ns: Callable[[], int],
    ) -> None:
        self._plane = plane
        self._catalogue = catalogue
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._statistics = statistics
        self._clock_ns = clock_ns
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._bytes = 0
        self._flights: dict[Key, asyncio.Task[pb.InferenceResponse]] = {}

    async def infer(self, call: Call) -> pb.InferenceResponse:
        """Return the answer, kept or new."""
        key = self._key(call) if call.model in self._seconds else None
        if key is None:
            return await self._plane.infer(call)
        began = self._clock_ns()
        kept = self._found(key, began)
        self._statistics.looked_up(call.model, key[1], kept is not None, self._clock_ns() - began)
        if kept is not None:
            return pb.InferenceResponse.FromString(kept)
        flight = self._flights.get(key)
        if flight is None:
            return await self._fly(key, call)
        return await self._joined(flight, call)

    async def _fly(self, key: Key, call: Call) -> pb.InferenceResponse:
        """Have it computed, whoever stops waiting for it."""
        flight = asyncio.create_task(self._plane.infer(call))
        self._flights[key] = flight
        flight.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flight)

    async def _joined(self, flight: asyncio.Task[pb.InferenceResponse], call: Call) -> pb.InferenceResponse:
        limit_s = call.timeout_ms / 1000 if call.timeout_ms else None
        try:
            response = await asyncio.wait_for(asyncio.shield(flight), limit_s)
        except TimeoutError:
            late = Failure(DEADLINE_EXCEEDED, f"no answer within {call.timeout_ms} ms")
            return pb.InferenceResponse(model=call.model, error=error_to_pb(late))
        if response.error.code == DEADLINE_EXCEEDED:  # it was another's deadline
            return await self._plane.infer(call)
        mine = pb.InferenceResponse()
        mine.CopyFrom(response)
        mine.decision_id = ""
        return mine

    def _landed(self, key: Key, flight: asyncio.Task[pb.InferenceResponse]) -> None:
        del self._flights[key]
        if flight.cancelled() or flight.exception() is not None:
            return
        response = flight.result()
        # An answer of another version than was foreseen belongs to a table that has changed meanwhile.
        if response.HasField("error") or response.version != key[1]:
            return
        keep = pb.InferenceResponse(
            model=response.model, version=response.version, epoch=response.epoch, outputs=response.outputs
        )
        value = keep.SerializeToString()
        if len(value) * MOST_OF_ROOM > self._most_bytes:
            return
        until_ns = self._clock_ns() + round(self._seconds[key[0]] * 1e9)
        self._kept[key] = _Kept(value, until_ns)
        self._bytes += len(value)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _found(self, key: Key, now_ns: int) -> bytes | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until_ns <= now_ns:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.value

    def _drop(self, key: Key) -> None:
        self._bytes -= len(self._kept.pop(key).value)

    def _key(self, call: Call) -> Key | None:
        table = self._catalogue.get(call.model)
        entry = None if table is None else foreseen(table, call)
        if entry is None or len(call.json) > MOST_JSON_BYTES:
            return None
        inputs = canonical(call)
        return None if inputs is None else (call.model, entry.version, entry.generation, inputs)


def foreseen(table: RouteTable, call: Call) -> VersionEntry | None:
    """Return the version that will answer a call; None where chance or a unit decides."""
    version = call.version or (table.labels.get(call.label, "") if call.label else "")
    if not version and not call.label:
        split = effective_split(table)
        version = next(iter(split)) if len(split) == 1 else ""
    return table.versions.get(version)


def canonical(call: Call) -> bytes | None:
    """Return a digest that is equal for equal inputs, however they are ordered; None for unreadable JSON."""
    digest = hashlib.sha256()
    for name in sorted(call.parameters):
        digest.update(repr((name, call.parameters[name])).encode())
    if call.json:
        try:
            digest.update(_json.encode(msgspec.json.decode(call.json)))
        except UNREADABLE:
            return None
    for tensor in sorted(call.tensors, key=lambda tensor: tensor.name):
        head = (tensor.name, tensor.datatype, tuple(tensor.shape), len(tensor.raw), tensor.reference)
        digest.update(repr(head).encode())
        digest.update(tensor.raw)
    return digest.digest()


def seconds_of(texts: Iterable[str]) -> dict[str, float]:
    """Return how long the answers of which model are kept, from MODEL=TIME. Raises SettingsError."""
    kept: dict[str, float] = {}
    for text in texts:
        model, _, time = text.partition("=")
        ms = milliseconds(time)
        if not is_name(model) or not ms:
            raise SettingsError(f"answer_cache: {text!r} must be MODEL=TIME, as in digits=60s")
        kept[model] = ms / 1000
    return kept
