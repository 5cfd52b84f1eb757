"""The served network in a plain loop: what is left when there is no engine, no broker and no protocol."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.stream.row import Row
from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import Item
from pointsman.runtimes.tensor_model import TensorModel
from pointsman.runtimes.torch_runtime import load
from pointsman.settings import Settings
from pointsman_examples import mlp

ROWS: Final = (1, 256)


def measure(artifact: Path, seconds: float) -> list[Row]:
    """Return rows per second, and milliseconds per call, one row at a time and in batches."""
    spec = VersionSpec(uri=artifact.absolute().as_uri(), factory="pointsman_examples.mlp:mlp")
    model = load(spec, Settings())
    return [_loop(model, rows, seconds) for rows in ROWS]


def _loop(model: TensorModel, rows: int, seconds: float) -> Row:
    item: Item = {"x": np.zeros((rows, mlp.WIDTH), "<f4")}
    _times(model, item, seconds / 4)  # warm-up
    times = _times(model, item, seconds)
    p50, p99 = np.quantile(times, (0.5, 0.99)) * 1000
    return Row("bare", rows, len(times) * rows / sum(times), float(p50), float(p99))


def _times(model: TensorModel, item: Item, seconds: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while (before := time.perf_counter()) < end:
        model.forward(item)
        times.append(time.perf_counter() - before)
    return times
