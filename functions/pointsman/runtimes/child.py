"""The process of one Python model: `python -m pointsman.runtimes.child FD PARENT`."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from pointsman.core.tensor import Item, Signature
from pointsman.errors import LoadError
from pointsman.runtimes.artifact import imported
from pointsman.runtimes.base import DEFAULT_OUTPUT, one_line, raised
from pointsman.runtimes.frames import Answer, Broken, Call, Cells, Channel, Ready, Start, pack, unpack
from pointsman.runtimes.orphan import die_with_parent


def serve(channel: Channel[Start | Call]) -> None:
    """Build the class that the first message names, then answer calls until the other end is gone."""
    start = channel.receive()
    if not isinstance(start, Start):
        return
    try:
        model, signature = _built(start)
    except LoadError as error:
        channel.send(Broken(error.failure.message))
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the model's code is foreign
        channel.send(Broken(raised(error).message))
        return
    channel.send(Ready(signature))
    while isinstance(call := channel.receive(), Call):
        channel.send(_answer(model, [unpack(item) for item in call.items]))


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


def _packed(result: Any) -> dict[str, Cells] | str:
    item = {DEFAULT_OUTPUT: result} if isinstance(result, np.ndarray) else result
    if not isinstance(item, dict) or not item:
        return f"forward returned {type(result).__name__} for this item, not an array or arrays by name"
    for name, array in item.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray) or array.ndim == 0:
            return one_line(f"forward returned {type(array).__name__} as {name!r}, not an array of rows")
    try:
        return pack(item)
    except ValueError as error:
        return one_line(f"forward returned what cannot be sent: {error}")


def main(arguments: Sequence[str]) -> None:
    """Serve on the inherited socket; end with the pod."""
    descriptor, parent = map(int, arguments)
    die_with_parent(parent)
    try:
        serve(Channel(socket.socket(fileno=descriptor), Start | Call))
    except (EOFError, OSError):
        return  # the pod is gone


if __name__ == "__main__":
    main(sys.argv[1:])
