"""A network of 500 MB."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

WIDTH: Final = 64
_LAYERS, _SIDE = 20, 2_500


class Heavy(nn.Module):
    """A layer from `x` FP32 [n, 64] to `y` FP32 [n, 1], and weights that are only carried."""

    signature: Final = {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, WIDTH]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 1]}],
    }

    def __init__(self) -> None:
        super().__init__()
        self.carried = nn.ParameterList([nn.Parameter(torch.empty(_SIDE, _SIDE)) for _ in range(_LAYERS)])
        self.body = nn.Linear(WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return `y` [n, 1] of `x` [n, 64]."""
        y: Tensor = self.body(x)
        return y


def heavy() -> nn.Module:
    """Build it."""
    return Heavy()


def write(path: Path) -> None:
    """Write its artifact."""
    from safetensors.torch import save_file

    network = Heavy()
    for weights in network.carried:
        nn.init.zeros_(weights)
    save_file(network.state_dict(), path)


FACTORY: Final = f"{__name__}:{heavy.__name__}"
