"""Whether a version's example gives what its author says it gives."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pointsman.core.tensor import DTYPES, Array, Item

# Datatypes whose numbers may be a little off; all else must be equal.
FRACTIONAL: Final = frozenset(name for name, dtype in DTYPES.items() if dtype.kind == "f")


def difference(expected: Item, result: Item, tolerance: float) -> str:
    """Return how the result differs from what is expected, as a sentence, or "".

    Outputs that are not mentioned may be anything. A number of an output of fractions may be
    `tolerance` * (1 + |expected|) off; NaN is NaN.
    """
    for name, wanted in expected.items():
        found = result.get(name)
        if found is None:
            return f"the model has no output {name!r} (it has {', '.join(result)})"
        if found.shape != wanted.shape:
            return f"output {name!r} has shape {list(found.shape)} instead of {list(wanted.shape)}"
        off = np.argwhere(~_same(found, wanted, tolerance))
        if len(off):
            place = tuple(off[0])
            where = f"{name}{[int(index) for index in place]}"
            return f"{where} is {_shown(found[place])} instead of {_shown(wanted[place])}"
    return ""


def _same(found: Array, wanted: Array, tolerance: float) -> Any:
    if found.dtype.kind != "f" or wanted.dtype.kind not in "biuf":
        return np.asarray(found == wanted)
    numbers = found.astype(np.float64), wanted.astype(np.float64)
    return np.isclose(*numbers, rtol=tolerance, atol=tolerance, equal_nan=True)


def _shown(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
