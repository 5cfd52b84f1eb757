"""Events to JSON lines."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.core.events import Ack, Event, Repeats

_encoder = msgspec.json.Encoder()


def event_to_json(event: Event, now_ms: int) -> bytes:
    """Return the event as one JSON object: `type` is ack, version or repeats, `at_ms` its time."""
    if isinstance(event, Ack):
        body: dict[str, Any] = {"type": "ack", "ok": event.error is None, **msgspec.structs.asdict(event)}
    else:
        kind = "repeats" if isinstance(event, Repeats) else "version"
        body = {"type": kind, **msgspec.structs.asdict(event)}
    body["at_ms"] = now_ms
    return _encoder.encode({key: value for key, value in body.items() if value not in ("", None)})
