"""Says on the status topic what this pod holds."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from confluent_kafka import KafkaException

from pointsman import topics
from pointsman.pb.v1 import serving_pb2
from pointsman.runtimes.base import Key
from pointsman.runtimes.slot import Status
from pointsman.settings import Settings
from pointsman.wire.spec import signature_to_pb

log = logging.getLogger(__name__)

_FLUSH_S: Final = 3.0


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

    Lives on one event loop. A change is announced once all changes of the same moment are in.
    """

    def __init__(
        self,
        settings: Settings,
        held: Callable[[], Mapping[Key, Status]],
        producer: Producer,
        clock_ms: Callable[[], int],
    ) -> None:
        # Unique per process: what an earlier process of this pod said is not taken for ours.
        self.pod = f"{settings.pool}-{uuid.uuid4().hex[:12]}"
        self._pool = settings.pool
        self._heartbeat_s = settings.heartbeat_ms / 1000
        self._held = held
        self._producer = producer
        self._clock_ms = clock_ms
        self._known: set[str] = set()  # models that somebody may think we hold
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
            await asyncio.sleep(self._heartbeat_s)
            for model in {key.model for key in self._held()}:
                try:
                    self._announce({model})
                except Exception:
                    log.exception("announcing %s failed; the others go on", model)

    def leave(self) -> None:
        """Say that the pod goes, and wait until that is out, 3 s at most. Nothing is said afterwards."""
        self._is_leaving = True
        for model in self._known:
            self._send(model, {})
        self._producer.flush(_FLUSH_S)

    def _announce_changed(self) -> None:
        changed, self._changed = self._changed, set()
        self._announce(changed)

    def _announce(self, models: set[str]) -> None:
        if self._is_leaving:
            return
        held: dict[str, dict[Key, Status]] = {model: {} for model in models}
        for key, status in self._held().items():
            if key.model in held:
                held[key.model][key] = status
        for model, versions in held.items():
            self._send(model, versions)
            (self._known.add if versions else self._known.discard)(model)

    def _send(self, model: str, versions: Mapping[Key, Status]) -> None:
        status = serving_pb2.PodStatus(
            pod=self.pod,
            pool=self._pool,
            model=model,
            held=[_held(key, version) for key, version in versions.items()],
            at_ms=self._clock_ms(),
            leaving=self._is_leaving,
        )
        try:
            self._producer.produce(topics.STATUS, status.SerializeToString(), model.encode())
            self._producer.poll(0)
        except (BufferError, KafkaException) as error:
            log.warning("the status of %s is not announced: %s", model, error)  # the next heartbeat is


def _held(key: Key, status: Status) -> serving_pb2.PodStatus.Held:
    return serving_pb2.PodStatus.Held(
        version=key.version,
        generation=key.generation,
        state=status.state.value,
        reason=status.reason,
        signature=None if status.signature is None else signature_to_pb(status.signature),
        sha256=status.sha256,
        footprint=status.footprint,
    )
