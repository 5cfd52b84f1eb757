"""Says on the status topic what this pod holds."""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from confluent_kafka import KafkaException

from pointsman import topics
from pointsman.pb.v1 import serving_pb2
from pointsman.runtimes.base import Key
from pointsman.runtimes.pool import Memory
from pointsman.runtimes.slot import Status, Use
from pointsman.settings import Settings
from pointsman.wire.spec import signature_to_pb

log = logging.getLogger(__name__)

_FLUSH_S: Final = 3.0
# Each word is a call to the router of its model. A pod of a thousand models that said them all at each
# heartbeat would keep a core busy with nothing: beyond so many a second each model's turn comes more rarely.
WORDS_PER_S: Final = 50


class Holder(Protocol):
    """What an announcer needs of a host."""

    def held(self) -> Mapping[Key, Status]:
        """Return the status of every held version."""

    def uses(self) -> Mapping[Key, Use]:
        """Return how much each held version was used."""

    @property
    def memory(self) -> Memory:
        """What they take together."""


class Producer(Protocol):
    """What an announcer needs of a Kafka producer."""

    def produce(self, topic: str, value: bytes, key: bytes) -> None:
        """Queue a record; raises BufferError or KafkaException."""

    def poll(self, timeout: float) -> int:
        """Serve callbacks."""

    def flush(self, timeout: float) -> int:
        """Wait for the records on their way."""


class Announcer:
    """One record per model, its key: at each change, every `heartbeat_ms`, and when the pod leaves.

    Of more models than WORDS_PER_S allows some are repeated at each heartbeat, those first that were said
    longest ago; the word says when the next one comes. Lives on one event loop. A change is announced once
    all changes of the same moment are in.
    """

    def __init__(
        self,
        settings: Settings,
        host: Holder,
        producer: Producer,
        clock_ms: Callable[[], int],
    ) -> None:
        # Unique per process: what an earlier process of this pod said is not taken for ours.
        self.pod = f"{settings.pool}-{uuid.uuid4().hex[:12]}"
        self._pool = settings.pool
        self._heartbeat_ms = settings.heartbeat_ms
        self._host = host
        self._producer = producer
        self._clock_ms = clock_ms
        # Models that somebody may think we hold, in the order of their last words, the oldest first.
        self._known: dict[str, None] = {}
        self._changed: set[str] = set()
        self._is_leaving = False

    def changed(self, model: str) -> None:
        """Announce a model in a moment."""
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._announce_changed)
        self._changed.add(model)

    async def run(self) -> None:
        """Repeat everything, for ever."""
        while True:
            await asyncio.sleep(self._heartbeat_ms / 1000)
            for model, versions in self._due().items():
                try:
                    self._announce({model: versions})
                except Exception:
                    log.exception("announcing %s failed; the others go on", model)

    def leave(self) -> None:
        """Say that the pod goes, and wait until that is out, 3 s at most. Nothing is said afterwards."""
        self._is_leaving = True
        for model in self._known:
            self._send(model, [])
        self._producer.flush(_FLUSH_S)

    def _announce_changed(self) -> None:
        changed, self._changed = self._changed, set()
        self._announce(self._of(changed))

    def _of(self, models: Iterable[str]) -> dict[str, dict[Key, Status]]:
        """Return what is held of some models, none of which is left out."""
        held: dict[str, dict[Key, Status]] = {model: {} for model in models}
        for key, status in self._host.held().items():
            if key.model in held:
                held[key.model][key] = status
        return held

    def _due(self) -> dict[str, dict[Key, Status]]:
        """Return the models whose turn it is, and what is held of them."""
        now = {key.model for key in self._host.held()}
        order = [*(now - self._known.keys()), *(model for model in self._known if model in now)]
        share = self._heartbeat_ms / max(self._heartbeat_ms, self._every_ms(len(order)))
        return self._of(order[: math.ceil(len(order) * share)])

    def _every_ms(self, models: int) -> int:
        """Return how often each of so many models is repeated; 0: at each heartbeat."""
        every_ms = models * 1000 // WORDS_PER_S
        return every_ms if every_ms > self._heartbeat_ms else 0

    def _announce(self, held: Mapping[str, Mapping[Key, Status]]) -> None:
        if self._is_leaving:
            return
        uses = self._host.uses()
        for model, versions in held.items():
            self._known.pop(model, None)
            if versions:
                self._known[model] = None
            self._send(model, [_held(key, status, uses[key]) for key, status in versions.items()])

    def _send(self, model: str, held: Iterable[serving_pb2.PodStatus.Held]) -> None:
        memory = self._host.memory
        status = serving_pb2.PodStatus(
            pod=self.pod,
            pool=self._pool,
            model=model,
            held=held,
            at_ms=self._clock_ms(),
            leaving=self._is_leaving,
            every_ms=self._every_ms(len(self._known)),
            memory_bytes=memory.total,
            peak_bytes=memory.peak,
            cache_bytes=memory.limit,
        )
        try:
            self._producer.produce(topics.STATUS, status.SerializeToString(), model.encode())
            self._producer.poll(0)
        except (BufferError, KafkaException) as error:
            log.warning("the status of %s is not announced: %s", model, error)  # the next heartbeat is


def _held(key: Key, status: Status, use: Use) -> serving_pb2.PodStatus.Held:
    return serving_pb2.PodStatus.Held(
        version=key.version,
        generation=key.generation,
        state=status.state.value,
        reason=status.reason,
        signature=None if status.signature is None else signature_to_pb(status.signature),
        sha256=status.sha256,
        footprint=status.footprint,
        in_memory=use.in_memory,
        last_ms=use.last_ms,
        passes=use.passes,
        rows=use.rows,
        loads=use.loads,
        load_ms=use.load_ms,
    )
