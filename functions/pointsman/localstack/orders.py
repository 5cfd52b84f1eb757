"""How another process gives orders about a running stack's state: a file in its home, answered by another."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from pointsman.errors import StackError
from pointsman.localstack import record
from pointsman.localstack.home import Home
from pointsman.localstack.keeper import SAVEPOINT_WITHIN_S, Keeper

Kind = Literal["checkpoint", "stop", "restore", "rebuild"]
_POLL_S: Final = 0.2
# Two starts of the engine, one that fails and one that goes back.
_ENGINE_WITHIN_S: Final = 600.0


class Order(msgspec.Struct, frozen=True):
    """What to do. `path` is where to, or where from; `within_s` bounds a savepoint; `reread_ms`: see Origin.

    `id` is what its answer bears.
    """

    kind: Kind
    path: str = ""
    parallelism: int = 0
    within_s: float = SAVEPOINT_WITHIN_S
    reread_ms: int = 0
    id: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)


class Answer(msgspec.Struct, frozen=True):
    """What came of it: the path of a savepoint, or an error."""

    id: str
    path: str = ""
    error: str = ""


def give(home: Home, order: Order, waiting: Callable[[float], None] = lambda seconds: None) -> str:
    """Have the running stack do something, and return the path of the savepoint if it took one.

    `waiting` gets the seconds so far, now and then. Raises StackError where the stack cannot do it, ends
    meanwhile, or does something already. Whoever stops waiting does not stop the stack.
    """
    running = record.running(home)
    _leave(home, order)
    begun = time.monotonic()
    while (answer := _answer(home, order.id)) is None:
        seconds = time.monotonic() - begun
        if not running.is_alive():
            raise StackError("the stack ended meanwhile; see `pointsman logs supervisor`")
        if seconds > order.within_s + _ENGINE_WITHIN_S:
            raise StackError(f"no answer from the stack after {seconds:.0f} s; see `pointsman status`")
        waiting(seconds)
        time.sleep(_POLL_S)
    if answer.error:
        raise StackError(answer.error)
    return answer.path


def forget(home: Home) -> None:
    """Drop an order that an earlier stack left undone."""
    home.order.unlink(missing_ok=True)


async def serve(home: Home, keeper: Keeper) -> None:
    """Do what is ordered, one after the other, for ever."""
    while True:
        order = await asyncio.to_thread(_order, home)
        if order is not None:
            answer = await _done(keeper, order)
            await asyncio.to_thread(_give_back, home, answer)
        await asyncio.sleep(_POLL_S)


def _give_back(home: Home, answer: Answer) -> None:
    fresh = home.answer.with_suffix(".new")
    with suppress(OSError):  # on a full disk whoever asked waits in vain; the next order may find it emptied
        fresh.write_bytes(msgspec.json.encode(answer))
        os.replace(fresh, home.answer)
    home.order.unlink(missing_ok=True)


async def _done(keeper: Keeper, order: Order) -> Answer:
    path = ""
    try:
        match order.kind:
            case "checkpoint" | "stop":
                folder = Path(order.path) if order.path else None
                stop = order.kind == "stop"
                path = str(await keeper.checkpoint(folder, stop=stop, within_s=order.within_s))
            case "restore":
                await keeper.restore(order.path, order.parallelism)
            case "rebuild":
                await keeper.rebuild(order.reread_ms)
    except StackError as error:
        return Answer(order.id, error=str(error))
    return Answer(order.id, path)


def _leave(home: Home, order: Order) -> None:
    """Put the order in place in one step, unless another one is there."""
    mine = home.order.with_suffix(f".{order.id}")
    try:
        mine.write_bytes(msgspec.json.encode(order))
        os.link(mine, home.order)
    except FileExistsError:
        raise StackError("the stack does another checkpoint, restore or rebuild at the moment") from None
    except OSError as error:
        raise StackError(f"{home.order} cannot be written: {error.strerror}") from error
    finally:
        mine.unlink(missing_ok=True)


def _order(home: Home) -> Order | None:
    try:
        return msgspec.json.decode(home.order.read_bytes(), type=Order)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        home.order.unlink(missing_ok=True)  # not ours
        return None


def _answer(home: Home, order_id: str) -> Answer | None:
    try:
        answer = msgspec.json.decode(home.answer.read_bytes(), type=Answer)
    except (OSError, msgspec.MsgspecError):
        return None
    return answer if answer.id == order_id else None
