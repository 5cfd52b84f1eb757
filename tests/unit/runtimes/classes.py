"""Python models as users write them, good and bad. Without torch: a child process imports this."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np

from pointsman.core.tensor import Item

SCALE_SIGNATURE: dict[str, Any] = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]}


class Doubler:
    """A well-behaved class."""

    signature = SCALE_SIGNATURE

    def __init__(self, factor: str = "2") -> None:
        self.factor = float(factor)

    def forward(self, items: list[Item]) -> list[Any]:
        """Return each item's x, doubled; obey the first value as an order where it is one of these."""
        return [self._one(item["x"]) for item in items]

    def _one(self, x: np.ndarray[Any, Any]) -> Any:
        match x.flat[0]:
            case -1:
                raise ValueError("a negative\nvalue")
            case -2:
                threading.Event().wait()
            case -3:
                os.kill(os.getpid(), signal.SIGKILL)
            case -4:
                return "no array"
            case -5:
                return np.array([1j])
        return x * self.factor


class TooFew:
    """Returns too few results for several items."""

    def forward(self, items: list[Item]) -> list[Any]:
        """Forget the last of several."""
        return [item["x"] for item in items[: max(1, len(items) - 1)]]


class Texts:
    """Texts in, texts out."""

    def forward(self, items: list[Item]) -> list[Item]:
        """Return the texts in capitals, and their lengths."""
        return [
            {
                "upper": np.array([text.decode().upper() for text in item["text"]]),
                "length": np.array([len(text) for text in item["text"]]),
            }
            for item in items
        ]


class Unbuildable:
    """Its constructor raises."""

    def __init__(self) -> None:
        raise RuntimeError("no licence")


class Exits:
    """Its constructor ends the process."""

    def __init__(self) -> None:
        os._exit(3)


class Printer:
    """Prints, and tells its process id."""

    def forward(self, items: list[Item]) -> list[Any]:
        """Return the process id for each."""
        print("forward")  # noqa: T201 - the point: a print must not disturb the channel
        return [np.array([os.getpid()]) for _ in items]
