"""What is registered: as many small networks as are asked for, each with weights of its own."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
from safetensors.numpy import save_file

from benchmarks.stream.models import WIDTH, version

# The layers of `pointsman_examples.mlp`.
_SHAPES: Final = {"0": (256, WIDTH), "2": (256, 256), "4": (WIDTH, 256)}
BYTES: Final = sum(4 * (rows * columns + rows) for rows, columns in _SHAPES.values())
# So many models have two versions, between which the traffic is moved to and fro.
STEERED: Final = 5


def name(number: int) -> str:
    """Return the name of a model."""
    return f"zoo-{number:04d}"


def specs(folder: Path, count: int) -> list[dict[str, Any]]:
    """Write the artifacts and return the desired states."""
    random = np.random.default_rng(1)
    found = []
    for number in range(count):
        names = ["1", "2"] if number < STEERED else ["1"]
        versions = {one: version(_artifact(folder / f"{name(number)}-{one}", random)) for one in names}
        found.append({"model": name(number), "versions": versions, "route": {"split": {"1": 1}}})
    return found


def _artifact(path: Path, random: np.random.Generator) -> Path:
    weights: dict[str, np.ndarray[Any, Any]] = {}
    for layer, (rows, columns) in _SHAPES.items():
        weights[f"body.{layer}.weight"] = random.standard_normal((rows, columns), np.float32) / columns
        weights[f"body.{layer}.bias"] = random.standard_normal(rows, np.float32)
    file = path.with_suffix(".safetensors")
    save_file(weights, file)
    return file


class Zipf:
    """Draws models as many people ask for them: the n-th most asked 1/n as often as the first."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self._random = Random(seed)
        self._names = [name(number) for number in range(count)]
        self._random.shuffle(self._names)
        self._sums = list(accumulate(1 / rank for rank in range(1, count + 1)))

    @property
    def first(self) -> str:
        """The model that is asked most."""
        return self._names[0]

    def draw(self) -> str:
        """Return the model of the next request."""
        return self._random.choices(self._names, cum_weights=self._sums)[0]

    def pause(self, rate: float) -> float:
        """Return the seconds to the next request, of so many a second."""
        return self._random.expovariate(rate)
