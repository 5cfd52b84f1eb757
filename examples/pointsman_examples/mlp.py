"""The networks of the benchmark: 64-256-256-64, so small that serving costs more than computing."""

from __future__ import annotations

import time
from typing import Any, Final

import torch
from torch import Tensor, nn

WIDTH: Final = 64
SIGNATURE: Final[dict[str, Any]] = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, WIDTH]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, WIDTH]}],
}


class Mlp(nn.Module):
    """Three linear layers: `x` FP32 [n, 64] to `y` FP32 [n, 64]."""

    signature = SIGNATURE

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(WIDTH, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, WIDTH)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return `y` [n, 64] of `x` [n, 64]."""
        y: Tensor = self.body(x)
        return y


class SlowMlp(Mlp):
    """The same network, as if it ran on a busy accelerator: each forward pass takes `wait_s` longer."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s

    def forward(self, x: Tensor) -> Tensor:
        """Return `y` [n, 64] of `x` [n, 64], late."""
        time.sleep(self.wait_s)
        return super().forward(x)


def mlp() -> Mlp:
    """Build the network; its weights come from the artifact."""
    return Mlp()


def slow(wait_ms: str = "20") -> SlowMlp:
    """Build the slow form; `wait_ms` is what a forward pass takes longer, in milliseconds."""
    return SlowMlp(float(wait_ms) / 1000)


def seeded(seed: int) -> Mlp:
    """Build the network with reproducible random weights."""
    torch.manual_seed(seed)
    return Mlp()
