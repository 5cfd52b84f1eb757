"""The router function: one address per model, all its messages of a call in one pass."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlparse

from google.protobuf.message import DecodeError

from pointsman.errors import NewerRelease
from pointsman.outputs import outputs_of
from pointsman.pb.v1 import serving_pb2
from pointsman.settings import Settings
from pointsman.statefun.backlog import Backlog, fed_apart
from pointsman.statefun.claims import Claims
from pointsman.statefun.clock import Clock, now_ms
from pointsman.statefun.dispatch import Dispatch
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import (
    CONTROL,
    DISTINCT,
    DIVERTED,
    FED,
    FEEDBACK,
    INTERACTIVE,
    MOVED,
    PARKED,
    REPORT,
    REQUESTS,
    SNAPSHOT,
    STATUS,
    TICK,
    WORD,
    Call,
    Invocation,
    joined,
)
from pointsman.statefun.returned import diverted_apart, parked_apart
from pointsman.statefun.router_state import STATES, PlanCache, RouterState
from pointsman.statefun.steering import Steering
from pointsman.wire.head import split_records

logger = logging.getLogger(__name__)

_PLACES: Final = {INTERACTIVE: 1, MOVED: 2, DIVERTED: 2, PARKED: 2, DISTINCT: 3, FED: 4, REQUESTS: 5}


class RouterFunction:
    """`pointsman/router`. Total: whatever comes is answered, dead-lettered or logged; the call succeeds.

    Except where a newer release wrote the state: NewerRelease leaves the call to a router as new.
    """

    states: Mapping[str, str] = STATES
    messages = frozenset(
        {
            REQUESTS, INTERACTIVE, DISTINCT, MOVED, DIVERTED, PARKED, FED,
            CONTROL, STATUS, REPORT, TICK, SNAPSHOT, WORD, FEEDBACK,
        }
    )  # fmt: skip

    def __init__(self, settings: Settings, clock: Clock = now_ms, claims: Claims | None = None) -> None:
        outputs_of(settings.outputs)  # a bad setting keeps the router from starting, not a call from ending
        self._settings = settings
        self._claims = claims or Claims(None)
        self._clock = clock
        self._plans = PlanCache()

    async def __call__(self, call: Call) -> bytes:
        """Return the reply to a call that brought its state."""
        effects = await self._effects_of(call)
        await self._claims.keep(effects.kept)
        return effects.to_bytes()

    async def _effects_of(self, call: Call) -> Effects:
        """Handle all messages in one pass; if a record breaks it, each alone, and that one is answered."""
        try:
            return await self._pass(call)
        except NewerRelease:
            raise
        except Exception:
            count = len(call.invocations)
            logger.exception("a batch of %d messages to %s broke; trying each record alone", count, call.id)
            return await self._pass_one_by_one(call)

    async def _pass(self, call: Call) -> Effects:
        effects = Effects()
        state = RouterState(call.id, call.state, self._plans)
        handle = self._handlers(call.id, state, effects)
        distinct = [*joined(_steering_first(call.invocations), DISTINCT)]
        for invocation in joined(distinct, REQUESTS):
            handle(invocation)
            await asyncio.sleep(0)  # others' commands and refusals need not wait for all of this call
        handle.finish()
        state.save(effects)
        return effects

    async def _pass_one_by_one(self, call: Call) -> Effects:
        effects = Effects()
        state = RouterState(call.id, call.state, self._plans)
        handle = self._handlers(call.id, state, effects)
        parts = [part for whole in _steering_first(call.invocations) for part in _taken_apart(whole)]
        for invocation in parts:
            if await self._breaks(call._replace(invocations=[invocation])):
                handle.give_up(invocation)
                continue
            try:
                handle(invocation)
            except Exception:
                logger.exception(
                    "a message of type %s to %s broke among others", invocation.typename, call.id
                )
                handle.give_up(invocation)
        handle.finish()
        state.save(effects)
        return effects

    async def _breaks(self, call: Call) -> bool:
        """Whether a call breaks, tried with effects that nobody sees."""
        try:
            await self._pass(call)
        except NewerRelease:
            raise
        except Exception:
            typename = call.invocations[0].typename
            logger.exception("a message of type %s to %s cannot be handled", typename, call.id)
            return True
        return False

    def _handlers(self, model: str, state: RouterState, effects: Effects) -> _Handle:
        now = self._clock()
        backlog = Backlog(model, state, effects, now)
        dispatch = Dispatch(model, state, backlog, effects, self._settings, now)
        steering = Steering(model, state, effects, self._settings, now, self._artifact_fault)
        return _Handle(dispatch, steering, backlog)

    def _artifact_fault(self, uri: str) -> str:
        """Return why an artifact cannot be there; what the router cannot see it does not judge."""
        try:
            parsed = urlparse(uri)
            if not self._settings.check_artifacts or parsed.scheme != "file":
                return ""
            path = unquote(parsed.path)
            return "" if Path(path).is_file() else f"there is no file {path}"
        except (OSError, ValueError) as error:
            return f"{uri[:80]!r} names no file: {error}"


def _steering_first(invocations: Sequence[Invocation]) -> list[Invocation]:
    """Return commands, states and reports first, as they come by other topics; then the older requests."""
    return sorted(invocations, key=lambda invocation: _PLACES.get(invocation.typename, 0))


def _taken_apart(whole: Invocation) -> list[Invocation]:
    """Return a message per record, so that a bad one spoils no neighbour that shared its message."""
    try:
        if whole.typename == PARKED:
            return [whole._replace(value=part) for part in parked_apart(whole.value)]
        if whole.typename == DIVERTED:
            return [whole._replace(value=part) for part in diverted_apart(whole.value)]
        if whole.typename == FED:
            fed = serving_pb2.Fed.FromString(whole.value)
            return [whole._replace(value=part.SerializeToString()) for part in fed_apart(fed)]
        if whole.typename in (REQUESTS, INTERACTIVE, DISTINCT, MOVED, CONTROL, STATUS, SNAPSHOT, WORD):
            return [
                whole._replace(value=serving_pb2.RawBatch(records=[record]).SerializeToString())
                for record in split_records(whole.value)
            ]
    except DecodeError:
        logger.error("a message of type %s is malformed", whole.typename)
    return [whole]


class _Handle:
    """Gives each message to the room that knows it."""

    def __init__(self, dispatch: Dispatch, steering: Steering, backlog: Backlog) -> None:
        self.finish = backlog.ask
        self._by_type: Mapping[str, Callable[[bytes], None]] = {
            REQUESTS: dispatch.run,
            INTERACTIVE: dispatch.run_interactive,
            DISTINCT: dispatch.run_distinct,
            MOVED: dispatch.run_moved,
            DIVERTED: dispatch.run_diverted,
            PARKED: dispatch.unpark,
            FED: dispatch.run_fed,
            CONTROL: steering.control,
            STATUS: steering.status,
            REPORT: steering.report,
            TICK: steering.tick,
            SNAPSHOT: steering.rebuild,
            WORD: steering.hear,
            FEEDBACK: _forget,
        }
        self._last_words: Mapping[str, Callable[[bytes], None]] = {
            REQUESTS: dispatch.give_up,
            INTERACTIVE: dispatch.give_up,
            DISTINCT: dispatch.give_up,
            MOVED: dispatch.give_up,
            DIVERTED: dispatch.give_up_diverted,
            PARKED: dispatch.give_up_parked,
            FED: dispatch.give_up_fed,
            CONTROL: steering.give_up,
        }

    def __call__(self, invocation: Invocation) -> None:
        handler = self._by_type.get(invocation.typename)
        if handler is None:
            logger.warning("the router knows no message of type %s", invocation.typename)
        else:
            handler(invocation.value)

    def give_up(self, invocation: Invocation) -> None:
        """Answer what cannot be handled; of what is no record at all the log has told."""
        with suppress(DecodeError):
            self._last_words.get(invocation.typename, _forget)(invocation.value)


def _forget(_: bytes) -> None:
    """Do without: a status comes again, a report is cumulative, and nothing learns from rewards yet."""
