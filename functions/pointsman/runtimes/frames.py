"""What a pod and the child process of a Python model say to each other: msgpack in length-prefixed frames.

Never pickle: neither side may run code that the other sends.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import msgspec
import numpy as np

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import DATATYPES, DTYPES, Array, Item, Signature
from pointsman.settings import Settings

_LENGTH: Final = struct.Struct("<Q")
_LOOK_S: Final = 0.25
_WATCH_S: Final = 0.05
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


class Load(msgspec.Struct, tag=True):
    """To the child, first: the version to load and warm, as a pod would."""

    spec: VersionSpec
    settings: Settings


class Ready(msgspec.Struct, tag=True):
    """From the child: it may be called. Of a class only the signature is known."""

    signature: Signature | None
    sha256: str = ""
    footprint: int = 0


class Call(msgspec.Struct, tag=True):
    """To the child: items to run."""

    items: list[dict[str, Cells]]
    max_batch: int


class Refusal(msgspec.Struct, array_like=True):
    """A failure in place of a result."""

    code: str
    message: str
    field: str = ""


class Answer(msgspec.Struct, tag=True):
    """From the child: a result per item, or what is wrong with it."""

    results: list[dict[str, Cells] | Refusal]


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

    def receive(self, timeout_s: float | None = None, watch: Callable[[], None] | None = None) -> In:
        """Return the next message; raises TimeoutError, OSError, or EOFError when the other end is gone.

        Arrays are views of the message and may be written to. `watch` is called now and then while there
        is a time-out and nothing comes; what it raises ends the wait.
        """
        left = None if timeout_s is None else _Left(timeout_s, _WATCH_S if watch else _LOOK_S, watch)
        (size,) = _LENGTH.unpack(self._exactly(_LENGTH.size, left))
        return self._decoder.decode(self._exactly(size, left))

    def close(self) -> None:
        """Close this end."""
        self._connection.close()

    def _exactly(self, size: int, left: _Left | None) -> bytearray:
        buffer = bytearray(size)
        view, at = memoryview(buffer), 0
        while at < size:
            self._connection.settimeout(None if left is None else left.look())
            try:
                count = self._connection.recv_into(view[at:])
            except TimeoutError:
                continue
            if not count:
                raise EOFError("the process is gone")
            at += count
        return buffer


class _Left:
    """The time left, of which a look takes its share: a process that was stopped meanwhile loses one look."""

    def __init__(self, seconds: float, look_s: float, watch: Callable[[], None] | None) -> None:
        self._seconds = seconds
        self._look_s = look_s
        self._watch = watch
        self._looked = time.monotonic()
        self._share = 0.0

    def look(self) -> float:
        """Return how long to wait until the next look; raises TimeoutError where no time is left."""
        if self._watch is not None and self._share:
            self._watch()
        now = time.monotonic()
        self._seconds -= min(now - self._looked, self._share)
        self._looked, self._share = now, max(min(self._seconds, self._look_s), 0.001)
        if self._seconds <= 0:
            raise TimeoutError
        return self._share


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
