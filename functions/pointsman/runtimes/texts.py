"""BYTES tensors for frameworks that take and give text."""

from __future__ import annotations

from typing import Any

import numpy as np

from pointsman.core.tensor import DATATYPES, Array
from pointsman.errors import INVALID_ARGUMENT, Failure
from pointsman.runtimes.base import Fault, broken


def decoded(name: str, array: Array) -> Array:
    """Return an array whose elements are str where they were bytes; other arrays as they are."""
    if not array.dtype.hasobject:
        return array
    texts: Array = np.empty(array.size, dtype=object)
    try:
        texts[:] = [element.decode() for element in array.ravel().tolist()]
    except UnicodeDecodeError as error:
        failure = Failure(INVALID_ARGUMENT, f"input {name!r} has an element that is not UTF-8", name)
        raise Fault(failure) from error
    return texts.reshape(array.shape)


def encoded(name: str, value: Any) -> Array:
    """Return what a framework gave as an array of a known datatype, text as bytes; raises Fault."""
    array = np.asarray(value)
    if array.dtype.kind in "UO":
        elements = array.ravel().tolist()
        if not all(isinstance(element, str | bytes) for element in elements):
            raise Fault(broken(f"the model returned objects as {name!r}, not numbers or text"))
        texts: Array = np.empty(array.size, dtype=object)
        texts[:] = [element.encode() if isinstance(element, str) else element for element in elements]
        return texts.reshape(array.shape)
    if array.dtype not in DATATYPES:
        raise Fault(broken(f"the model returned {array.dtype} as {name!r}, which has no datatype"))
    return array
