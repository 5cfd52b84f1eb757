"""The shape that a foreign message gives its tensor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pointsman.errors import INVALID_ARGUMENT, Failure

MAX_DIMENSIONS: Final = 32
_SHOWN: Final = 80


def shape_of(dims: Iterable[int], field: str) -> tuple[int, ...] | Failure:
    """Return the dimensions, none negative and at most 32; `field` is the tensor to blame."""
    shape = tuple(dims)
    if len(shape) > MAX_DIMENSIONS:
        return invalid(field, f"a shape has at most {MAX_DIMENSIONS} dimensions, this has {len(shape)}")
    if any(size < 0 for size in shape):
        return invalid(field, f"shape {list(shape)} has a negative dimension; send the real sizes")
    return shape


def invalid(field: str, message: str) -> Failure:
    """Return the failure that blames `field`, a tensor or parameter that the sender named."""
    name = shown(field)
    return Failure(INVALID_ARGUMENT, f"{name}: {message}", field[:_SHOWN])


def shown(name: str) -> str:
    """Return a sender's name as a message may show it: quoted and of bounded length."""
    return repr(name if len(name) <= _SHOWN else name[:_SHOWN] + "...")
