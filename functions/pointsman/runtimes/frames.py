"""What a pod and the child process of a Python model say to each other: msgpack in length-prefixed frames.

Never pickle: neither side may run code that the other sends.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Any, Final, Generic, TypeVar

import msgspec
import numpy as np

from pointsman.core.tensor import DATATYPES, DTYPES, Array, Item, Signature

_LENGTH: Final = struct.Struct("<Q")
In = TypeVar("In")


class Cells(msgspec.Struct, array_like=True):
    """An array: fixed-size elements in `raw`, BYTES elements in `texts`."""

    datatype: str
    shape: tuple[int, ...]
    raw: memoryview
    texts: list[bytes] = []


class Start(msgspec.Struct, tag=True):
    """To the child, first: the class to serve."""

    target: str
    options: dict[str, str]


class Ready(msgspec.Struct, tag=True):
    """From the child: it may be called."""

    signature: Signature | None


class Call(msgspec.Struct, tag=True):
    """To the child: one call of `forward`."""

    items: list[dict[str, Cells]]


class Answer(msgspec.Struct, tag=True):
    """From the child: a result per item, or what is wrong with it."""

    results: list[dict[str, Cells] | str]


class Broken(msgspec.Struct, tag=True):
    """From the child: there are no results, or no class; the reason is one line."""

    message: str


class Channel(Generic[In]):
    """One end of the connection. `receives` is the union of the messages that arrive here."""

    def __init__(self, connection: socket.socket, receives: Any) -> None:
        self._connection = connection
        self._decoder: msgspec.msgpack.Decoder[In] = msgspec.msgpack.Decoder(receives)

    def send(self, message: msgspec.Struct, timeout_s: float | None = None) -> None:
        """Send a message; raises TimeoutError or OSError."""
        self._connection.settimeout(timeout_s)
        payload = msgspec.msgpack.encode(message)
        self._connection.sendall(_LENGTH.pack(len(payload)) + payload)

    def receive(self, timeout_s: float | None = None) -> In:
        """Return the next message; raises TimeoutError, OSError, or EOFError when the other end is gone.

        Arrays are views of the message and may be written to.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        (size,) = _LENGTH.unpack(self._exactly(_LENGTH.size, until))
        return self._decoder.decode(self._exactly(size, until))

    def close(self) -> None:
        """Close this end."""
        self._connection.close()

    def _exactly(self, size: int, until: float | None) -> bytearray:
        buffer = bytearray(size)
        view, at = memoryview(buffer), 0
        while at < size:
            # A timeout of 0 would mean: do not block at all.
            self._connection.settimeout(None if until is None else max(until - time.monotonic(), 0.001))
            count = self._connection.recv_into(view[at:])
            if not count:
                raise EOFError("the process is gone")
            at += count
        return buffer


def pack(item: Item) -> dict[str, Cells]:
    """Return the arrays of an item for a message; raises ValueError on a dtype that no request can have."""
    return {name: _cells(name, array) for name, array in item.items()}


def unpack(cells: dict[str, Cells]) -> Item:
    """Return the arrays of a message; raises ValueError where shape and bytes do not agree."""
    return {name: _array(one) for name, one in cells.items()}


def _cells(name: str, array: Array) -> Cells:
    if array.dtype.kind in "OSU":
        texts = [text.encode() if isinstance(text, str) else text for text in array.ravel().tolist()]
        if not all(isinstance(text, bytes) for text in texts):
            raise ValueError(f"{name!r} holds objects that are neither bytes nor str")
        return Cells("BYTES", array.shape, memoryview(b""), texts)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    datatype = DATATYPES.get(array.dtype)
    if datatype is None:
        raise ValueError(f"{name!r} has dtype {array.dtype}, which has no counterpart in the protocol")
    return Cells(datatype, array.shape, array.reshape(-1).view(np.uint8).data)


def _array(cells: Cells) -> Array:
    dtype = DTYPES[cells.datatype]
    if not dtype.hasobject:
        return np.frombuffer(cells.raw, dtype).reshape(cells.shape)
    array: Array = np.empty(len(cells.texts), dtype=object)
    array[:] = cells.texts
    return array.reshape(cells.shape)
