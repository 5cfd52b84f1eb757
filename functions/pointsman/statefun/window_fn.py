"""The window function: lets one record of each id pass, for topics whose producers may send twice."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from pointsman.core.events import Repeats
from pointsman.core.ids import WINDOWS, WindowAddress
from pointsman.core.window import Window
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.settings import Settings
from pointsman.statefun.clock import Clock, now_ms
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import DISTINCT, REQUESTS, SEEN, Call, joined
from pointsman.topics import EVENTS
from pointsman.wire.event import event_to_json
from pointsman.wire.head import read_heads, split_records, stable_id

logger = logging.getLogger(__name__)

_SHOWN: Final = 200  # of an id, which may be as long as a record


class WindowFunction:
    """`pointsman/window`. Total: what it cannot judge passes; a request is lost by no fault of it."""

    states: Mapping[str, str] = {"seen": SEEN}
    messages = frozenset({REQUESTS})

    def __init__(self, settings: Settings, clock: Clock = now_ms) -> None:
        self._capacity = max(1, settings.window_ids // WINDOWS)
        self._span_ms = settings.window_ms
        self._clock = clock

    async def __call__(self, call: Call) -> bytes:
        """Return the reply to a call that brought its state."""
        try:
            return self._pass(call)
        except Exception:
            logger.exception("the window %s broke: %d messages pass", call.id, len(call.invocations))
            effects = Effects()
            for invocation in call.invocations:
                _send_on(effects, WindowAddress.parse(call.id).model, invocation.value)
            return effects.to_bytes()

    def _pass(self, call: Call) -> bytes:
        effects, address = Effects(), WindowAddress.parse(call.id)
        seen = serving_pb2.Seen.FromString(call.state["seen"] or b"")
        window = Window(seen.entries, self._capacity, self._span_ms)
        dropped: list[str] = []
        for invocation in joined(call.invocations, REQUESTS):
            kept = []
            for record, head in zip(
                split_records(invocation.value), read_heads(invocation.value), strict=True
            ):
                place = stable_id(ingress_pb2.Ingress.FromString(record))
                if window.admits(head.id, place, head.timestamp_ms):
                    kept.append(record)
                else:
                    dropped.append(head.id)
            if kept:
                _send_on(effects, address.model, serving_pb2.RawBatch(records=kept).SerializeToString())
        seen.entries = window.to_bytes()
        if dropped:
            seen.dropped += len(dropped)
            self._tell(effects, address, seen.dropped, dropped)
        effects.set_state("seen", SEEN, seen.SerializeToString())
        return effects.to_bytes()

    def _tell(self, effects: Effects, address: WindowAddress, total: int, dropped: list[str]) -> None:
        event = Repeats(address.model, address.bucket, len(dropped), total, dropped[0][:_SHOWN])
        effects.egress(EVENTS, address.model, event_to_json(event, self._clock()))


def _send_on(effects: Effects, model: str, batch: bytes) -> None:
    effects.send("pointsman", "router", model, DISTINCT, batch)
