"""The process of one version: a Python model's, `python -m pointsman.runtimes.child FD PARENT`, or a fork."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import msgspec
import numpy as np

from pointsman.core.tensor import Item, Signature
from pointsman.errors import INTERNAL, Failure, LoadError
from pointsman.runtimes.artifact import imported
from pointsman.runtimes.base import DEFAULT_OUTPUT, Result, one_line, raised
from pointsman.runtimes.frames import (
    Answer,
    Broken,
    Call,
    Cells,
    Channel,
    Load,
    Ready,
    Refusal,
    Start,
    pack,
    unpack,
)
from pointsman.runtimes.loader import load
from pointsman.runtimes.orphan import die_with_parent
from pointsman.runtimes.priority import give_way

Infer: TypeAlias = Callable[[Sequence[Item], int], Answer | Broken]


def serve(channel: Channel[Start | Load | Call]) -> None:
    """Build what the first message names, then answer calls until the other end is gone."""
    start = channel.receive()
    if isinstance(start, Call):
        return
    try:
        ready, infer = _version(start) if isinstance(start, Load) else _class(start)
    except LoadError as error:
        channel.send(Broken(error.failure.message))
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the model's code is foreign
        channel.send(Broken(raised(error).message))
        return
    channel.send(ready)
    while isinstance(call := channel.receive(), Call):
        channel.send(infer([unpack(item) for item in call.items], call.max_batch))


def _version(start: Load) -> tuple[Ready, Infer]:
    # As in the pod; the thread that loaded runs after others for good, so this one computes.
    manner = give_way if start.settings.threads == 1 else None
    with ThreadPoolExecutor(1, initializer=manner) as loader:
        loaded, sha256 = loader.submit(load, start.spec, start.settings, lambda: None).result()

    def infer(items: Sequence[Item], max_batch: int) -> Answer | Broken:
        try:
            return Answer([_packed_result(result) for result in loaded.infer(items, max_batch)])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the model's code is foreign
            return Broken(raised(error).message)

    return Ready(loaded.signature, sha256, loaded.footprint), infer


def _packed_result(result: Result) -> dict[str, Cells] | Refusal:
    if isinstance(result, Failure):
        return Refusal(result.code, result.message, result.field)
    return pack(result)


def _class(start: Start) -> tuple[Ready, Infer]:
    model, signature = _built(start)
    return Ready(signature), lambda items, _: _answer(model, items)


def _built(start: Start) -> tuple[Any, Signature | None]:
    model = imported(start.target, "uri")(**start.options)
    warmup = getattr(model, "warmup", None)
    if warmup is not None:
        warmup()
    signature = getattr(model, "signature", None)
    if signature is not None and not isinstance(signature, Signature):
        signature = msgspec.convert(signature, Signature, strict=False)
    return model, signature


def _answer(model: Any, items: Sequence[Item]) -> Answer | Broken:
    try:
        results = model.forward(items)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the model's code is foreign
        return Broken(raised(error).message)
    if not isinstance(results, list | tuple):
        return Broken(f"forward returned {type(results).__name__}, not a list with a result per item")
    if len(results) != len(items):
        return Broken(f"forward returned {len(results)} results for {len(items)} items")
    return Answer([_packed(result) for result in results])


def _packed(result: Any) -> dict[str, Cells] | Refusal:
    item = {DEFAULT_OUTPUT: result} if isinstance(result, np.ndarray) else result
    if not isinstance(item, dict) or not item:
        return _refused(f"forward returned {type(result).__name__} for this item, no array or arrays by name")
    for name, array in item.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray) or array.ndim == 0:
            return _refused(f"forward returned {type(array).__name__} as {name!r}, not an array of rows")
    try:
        return pack(item)
    except ValueError as error:
        return _refused(f"forward returned what cannot be sent: {error}")


def _refused(message: str) -> Refusal:
    return Refusal(INTERNAL, one_line(message))


def main(arguments: Sequence[str]) -> None:
    """Serve on the inherited socket; end with the pod."""
    descriptor, parent = map(int, arguments)
    die_with_parent(parent)
    live(descriptor)


def live(descriptor: int) -> None:
    """Serve on a socket until its other end is gone."""
    try:
        serve(Channel(socket.socket(fileno=descriptor), Start | Load | Call))
    except (EOFError, OSError):
        return  # the pod is gone


if __name__ == "__main__":
    main(sys.argv[1:])
