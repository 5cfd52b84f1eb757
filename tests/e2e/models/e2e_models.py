"""Models of the end-to-end tests: well-behaved ones, and one of each kind of misbehaviour."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

_SIGNATURE = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}],
}
Item = dict[str, np.ndarray[Any, Any]]


class Scale:
    """Multiplies by `factor`: an answer tells which version gave it."""

    signature = _SIGNATURE

    def __init__(self, factor: str = "1", pause_ms: str = "0", load_s: str = "0") -> None:
        time.sleep(float(load_s))
        self._factor = np.float32(factor)
        self._pause_s = float(pause_ms) / 1000

    def forward(self, items: list[Item]) -> list[Item]:
        if self._pause_s:
            time.sleep(self._pause_s)
        return [{"y": item["x"] * self._factor} for item in items]


class Moody:
    """Misbehaves for some inputs: -1 raises, -2 gives too few rows, -3 hangs."""

    signature = _SIGNATURE

    def forward(self, items: list[Item]) -> list[Item]:
        moods = [float(item["x"][0, 0]) for item in items]
        if -1.0 in moods:
            raise ValueError("this row is not to my taste")
        if -3.0 in moods:
            threading.Event().wait()
        return [
            {"y": item["x"][:0] if mood == -2.0 else item["x"]}
            for item, mood in zip(items, moods, strict=True)
        ]


class Large:
    """Answers with more bytes than an output record takes: `mib` MiB per row."""

    signature = _SIGNATURE

    def __init__(self, mib: str = "5") -> None:
        self._elements = int(float(mib) * 1024 * 1024 / 4)

    def forward(self, items: list[Item]) -> list[Item]:
        return [{"y": np.full((len(item["x"]), self._elements), item["x"][0, 0])} for item in items]


def linear() -> Any:
    """Return a torch network of one layer, 4 -> 4; its weights come from the artifact."""
    import torch

    return torch.nn.Linear(4, 4, bias=False)


linear.signature = _SIGNATURE  # type: ignore[attr-defined]


def perilous() -> Any:
    """Return a torch network that answers with its input, and obeys a row that begins with an order."""
    import torch

    class Perilous(torch.nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the base class names it so
            for order in set(input[:, 0].tolist()) & ORDERS.keys():
                ORDERS[order]()
            return super().forward(input)

    return Perilous(4, 4, bias=False)


def _hold_the_interpreter() -> None:
    libc = ctypes.PyDLL(None)  # its functions are called without letting others run
    while True:
        libc.pause()


def _no_memory() -> None:
    raise MemoryError("as much as that is not there")


# What a request can do to the process that computes it.
ORDERS: dict[float, Callable[[], object]] = {
    -1.0: lambda: ctypes.string_at(0),
    -2.0: lambda: os.kill(os.getpid(), signal.SIGKILL),
    -3.0: lambda: os._exit(0),
    -4.0: _hold_the_interpreter,
    -5.0: lambda: threading.Event().wait(),
    -6.0: _no_memory,
}

perilous.signature = _SIGNATURE  # type: ignore[attr-defined]
