"""Models that the clients ask."""

from __future__ import annotations

from typing import Any

import numpy as np

Item = dict[str, np.ndarray[Any, Any]]


class Double:
    """Twice the input."""

    signature = {  # noqa: RUF012 - the contract of a model class
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}],
    }

    def forward(self, items: list[Item]) -> list[Item]:
        """Return one result per item."""
        return [{"y": item["x"] * np.float32(2)} for item in items]


class Echo:
    """What came, whatever its names and datatypes are."""

    def forward(self, items: list[Item]) -> list[Item]:
        """Return one result per item."""
        return items


class Sum:
    """The sum of each row."""

    signature = {  # noqa: RUF012 - the contract of a model class
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [{"name": "sum", "datatype": "FP32", "shape": [-1]}],
    }

    def forward(self, items: list[Item]) -> list[Item]:
        """Return one result per item."""
        return [{"sum": item["x"].sum(axis=1)} for item in items]
