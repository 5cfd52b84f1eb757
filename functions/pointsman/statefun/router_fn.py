"""The router function: one address per model, all its messages of a call in one pass."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse

from pointsman.errors import INTERNAL, Failure
from pointsman.pb.v1 import serving_pb2
from pointsman.settings import Settings
from pointsman.statefun.clock import Clock, now_ms
from pointsman.statefun.dispatch import Dispatch, refuse
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import (
    CONTROL,
    PARKED,
    REPORT,
    REQUESTS,
    STATUS,
    TICK,
    Call,
    Invocation,
)
from pointsman.statefun.router_state import STATES, PlanCache, RouterState
from pointsman.statefun.steering import Steering
from pointsman.wire.head import read_heads, split_records

logger = logging.getLogger(__name__)

_BROKEN: Final = Failure(INTERNAL, "the router could not handle this record")


class RouterFunction:
    """`pointsman/router`. Total: whatever comes is answered, dead-lettered or logged, and the call succeeds."""

    states: Mapping[str, str] = STATES

    def __init__(self, settings: Settings, clock: Clock = now_ms) -> None:
        self._settings = settings
        self._clock = clock
        self._plans = PlanCache()

    async def __call__(self, call: Call) -> bytes:
        """Return the reply to a call that brought its state."""
        return self.reply(call)

    def reply(self, call: Call) -> bytes:
        """Handle all messages in one pass; if one breaks the pass, each alone, and that one is set aside."""
        try:
            return self._pass(call)
        except Exception:
            logger.exception("a batch of %d messages to %s broke; trying each alone", len(call.invocations), call.id)
            return self._pass_one_by_one(call)

    def _pass(self, call: Call) -> bytes:
        effects = Effects()
        state = RouterState(call.id, call.state, self._plans)
        handle = self._handlers(call.id, state, effects)
        for invocation in call.invocations:
            handle(invocation)
        state.save(effects)
        return effects.to_bytes()

    def _pass_one_by_one(self, call: Call) -> bytes:
        healthy: list[Invocation] = []
        broken: list[Invocation] = []
        for invocation in call.invocations:
            try:
                self._pass(call._replace(invocations=[invocation]))
                healthy.append(invocation)
            except Exception:
                logger.exception("a message of type %s to %s cannot be handled", invocation.typename, call.id)
                broken.append(invocation)
        effects = Effects()
        state = RouterState(call.id, call.state, self._plans)
        handle = self._handlers(call.id, state, effects)
        for invocation in healthy:
            handle(invocation)
        for invocation in broken:
            self._set_aside(call.id, invocation, effects)
        state.save(effects)
        return effects.to_bytes()

    def _handlers(self, model: str, state: RouterState, effects: Effects) -> _Handle:
        now = self._clock()
        dispatch = Dispatch(model, state, effects, self._settings, now)
        steering = Steering(model, state, effects, self._settings, now, self._artifact_fault)
        return _Handle(dispatch, steering)

    def _set_aside(self, model: str, invocation: Invocation, effects: Effects) -> None:
        batch = invocation.value
        if invocation.typename == PARKED:
            batch = serving_pb2.Parked.FromString(batch).batch
        elif invocation.typename != REQUESTS:
            return
        for head, record in zip(read_heads(batch), split_records(batch), strict=True):
            refuse(effects, model, "", head, record, _BROKEN, self._clock())

    def _artifact_fault(self, uri: str) -> str:
        """Return why an artifact cannot be there; what the router cannot see it does not judge."""
        parsed = urlparse(uri)
        if not self._settings.check_artifacts or parsed.scheme != "file":
            return ""
        path = unquote(parsed.path)
        return "" if Path(path).is_file() else f"there is no file {path}"


class _Handle:
    """Gives each message to the room that knows it."""

    def __init__(self, dispatch: Dispatch, steering: Steering) -> None:
        self._by_type = {
            REQUESTS: dispatch.run,
            PARKED: dispatch.unpark,
            CONTROL: steering.control,
            STATUS: steering.status,
            REPORT: steering.report,
            TICK: steering.tick,
        }

    def __call__(self, invocation: Invocation) -> None:
        handler = self._by_type.get(invocation.typename)
        if handler is None:
            logger.warning("the router knows no message of type %s", invocation.typename)
        else:
            handler(invocation.value)
