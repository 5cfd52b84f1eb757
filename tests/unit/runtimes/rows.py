"""Items of rows of four equal numbers, and what comes back for them."""

from __future__ import annotations

import numpy as np

from pointsman.core.tensor import Item
from pointsman.runtimes.base import Result


def item(*values: float) -> Item:
    """Return an item of a row of four for each value."""
    return {"x": np.array([[value] * 4 for value in values], "f4")}


def first(result: Result) -> float:
    """Return the first number of an output."""
    assert isinstance(result, dict), result
    return float(result["output"].flat[0])
