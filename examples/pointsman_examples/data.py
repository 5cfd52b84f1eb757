"""The data sets inside scikit-learn's wheel, split once and for all into training and held-out rows."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

SEED: Final = 7


class Split(NamedTuple):
    """Rows FP32 [n, width] with their classes INT64 [n]; the held-out ones are never trained on."""

    train_rows: npt.NDArray[np.float32]
    train_classes: npt.NDArray[np.int64]
    held_rows: npt.NDArray[np.float32]
    held_classes: npt.NDArray[np.int64]


def digits() -> Split:
    """Return 1,797 real handwritten digits, 64 raw pixels (0..16) each; a fifth is held out."""
    from sklearn.datasets import load_digits

    return _split(load_digits())


def wine() -> Split:
    """Return 178 real wines, 13 measurements each; a fifth is held out."""
    from sklearn.datasets import load_wine

    return _split(load_wine())


def _split(bunch: Any) -> Split:
    rows = np.asarray(bunch.data, np.float32)
    classes = np.asarray(bunch.target, np.int64)
    order = np.random.default_rng(SEED).permutation(len(rows))
    held, train = np.split(order, [len(rows) // 5])
    return Split(rows[train], classes[train], rows[held], classes[held])
