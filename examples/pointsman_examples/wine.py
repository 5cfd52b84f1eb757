"""A classifier of wines by their chemistry: 13 measurements in, cultivar and probabilities out.

It maps `measurements` FP32 [n, 13], in the order of FEATURES and in the laboratory's own units, to
`cultivar` INT64 [n] and `probabilities` FP32 [n, 3]. The units' spread is part of the weights.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

FEATURES: Final = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280_od315",
    "proline",
)
SIGNATURE: Final[dict[str, Any]] = {
    "inputs": [{"name": "measurements", "datatype": "FP32", "shape": [-1, len(FEATURES)]}],
    "outputs": [
        {"name": "cultivar", "datatype": "INT64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
    ],
}


class Wine(nn.Module):
    """Standardised measurements through one hidden layer."""

    signature = SIGNATURE
    mean: Tensor
    deviation: Tensor

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(len(FEATURES)))
        self.register_buffer("deviation", torch.ones(len(FEATURES)))
        self.body = nn.Sequential(nn.Linear(len(FEATURES), hidden), nn.ReLU(), nn.Linear(hidden, 3))

    def standardise(self, rows: Tensor) -> None:
        """Take mean and deviation of each measurement from training rows [n, 13]."""
        self.mean.copy_(rows.mean(0))
        self.deviation.copy_(rows.std(0))

    def logits(self, measurements: Tensor) -> Tensor:
        """Return the unscaled scores [n, 3] of `measurements` [n, 13]."""
        logits: Tensor = self.body((measurements - self.mean) / self.deviation)
        return logits

    def forward(self, measurements: Tensor) -> tuple[Tensor, Tensor]:
        """Return cultivar [n] and probabilities [n, 3] of `measurements` [n, 13]."""
        probabilities = torch.softmax(self.logits(measurements), dim=1)
        return probabilities.argmax(dim=1), probabilities


def mlp(hidden: str = "32") -> Wine:
    """Build the untrained network; `hidden` is the width of its hidden layer."""
    return Wine(int(hidden))
