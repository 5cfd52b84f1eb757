"""Two classifiers of handwritten digits, 8x8 pixels with values from 0 to 16, raw as the scanner gave them.

Both modules map `pixels` FP32 [n, 64] to `scores` FP32 [n, 10], the probability of each digit. Scaling
and reshaping happen inside, so that a sender needs no knowledge of the training.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

BRIGHTEST: Final = 16.0
SIDE: Final = 8
SIGNATURE: Final[dict[str, Any]] = {
    "inputs": [{"name": "pixels", "datatype": "FP32", "shape": [-1, SIDE * SIDE]}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 10]}],
}


class Linear(nn.Module):
    """Softmax regression: one weight per pixel and digit."""

    signature = SIGNATURE

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(SIDE * SIDE, 10)

    def logits(self, pixels: Tensor) -> Tensor:
        """Return the unscaled scores [n, 10] of `pixels` [n, 64]."""
        logits: Tensor = self.head(pixels / BRIGHTEST)
        return logits

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the probabilities [n, 10] of `pixels` [n, 64]."""
        return torch.softmax(self.logits(pixels), dim=1)


class Cnn(nn.Module):
    """Two convolutions, one pooling, one linear layer."""

    signature = SIGNATURE

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Linear(32 * (SIDE // 2) ** 2, 10)

    def logits(self, pixels: Tensor) -> Tensor:
        """Return the unscaled scores [n, 10] of `pixels` [n, 64]."""
        images = pixels.reshape(-1, 1, SIDE, SIDE) / BRIGHTEST
        logits: Tensor = self.head(self.body(images))
        return logits

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the probabilities [n, 10] of `pixels` [n, 64]."""
        return torch.softmax(self.logits(pixels), dim=1)


def linear() -> Linear:
    """Build the untrained softmax regression; factory of version 1."""
    return Linear()


def cnn() -> Cnn:
    """Build the untrained convolutional network; factory of version 2."""
    return Cnn()
