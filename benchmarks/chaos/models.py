"""Models whose right answers are known: they multiply."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

_SIGNATURE: Final = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}],
}
Item = dict[str, np.ndarray[Any, Any]]


class Scale:
    """Multiplies by `factor`."""

    signature = _SIGNATURE

    def __init__(self, factor: str) -> None:
        self._factor = np.float32(factor)

    def forward(self, items: list[Item]) -> list[Item]:
        """Return each item's product."""
        return [{"y": item["x"] * self._factor} for item in items]


def linear() -> Any:
    """Return a torch network of one layer; its weights come from the artifact."""
    import torch

    return torch.nn.Linear(4, 4, bias=False)


linear.signature = _SIGNATURE  # type: ignore[attr-defined]
