"""Tensors as numpy arrays, and the signatures that describe them."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
# The tensors of one request, by name. All share the size of their first dimension: the rows.
Item: TypeAlias = dict[str, Array]

# Open Inference Protocol datatype -> numpy dtype. BYTES elements are Python `bytes` in an object array.
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    "BYTES": np.dtype(object),
}
DATATYPES: Final = {dtype: name for name, dtype in DTYPES.items()}


class TensorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name, datatype and shape of one tensor; -1 is any size, the first dimension is the batch."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Inputs and outputs of a version."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...] = ()


def rows(item: Item) -> int:
    """Return the size of the batch dimension shared by the tensors of an item."""
    for array in item.values():
        return int(array.shape[0])
    return 0
