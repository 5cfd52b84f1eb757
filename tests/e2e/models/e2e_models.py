"""Models of the end-to-end tests: well-behaved ones, and one of each kind of misbehaviour."""

from __future__ import annotations

import threading
import time
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


class Echo:
    """What came, whatever its names and datatypes are: without a signature nothing is refused before it."""

    def forward(self, items: list[Item]) -> list[Item]:
        return items


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
