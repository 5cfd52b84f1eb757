"""A torch model that its requests can kill."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, Final

_SIGNATURE: Final = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}],
}


def _hold_the_interpreter() -> None:
    libc = ctypes.PyDLL(None)  # its functions are called without letting other threads run
    while True:
        libc.pause()


def _no_memory() -> None:
    raise MemoryError("as much as that is not there")


_KEPT: Final[list[bytearray]] = []


def _leak() -> None:
    _KEPT.append(bytearray(b"x") * 2**27)


# What a row that begins with this number does to the process that computes it.
ORDERS: Final[dict[float, Callable[[], object]]] = {
    -1.0: lambda: ctypes.string_at(0),
    -2.0: lambda: os.kill(os.getpid(), signal.SIGKILL),
    -3.0: lambda: os._exit(0),
    -4.0: _hold_the_interpreter,
    -5.0: lambda: threading.Event().wait(),
    -6.0: _no_memory,
    -7.0: _leak,
}


def perilous() -> Any:
    """Return a network of one layer that obeys rows which begin with an order."""
    import torch

    class Perilous(torch.nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the base class names it so
            for order in set(input[:, 0].tolist()) & ORDERS.keys():
                ORDERS[order]()
            return super().forward(input)

    return Perilous(4, 4, bias=False)


perilous.signature = _SIGNATURE  # type: ignore[attr-defined]
