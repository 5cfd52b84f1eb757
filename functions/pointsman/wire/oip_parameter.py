"""A request parameter of the Open Inference Protocol as a record holds it."""

from __future__ import annotations

from typing import TypeAlias

Scalar: TypeAlias = bool | int | float | str


def text_of(value: Scalar) -> str:
    """Return the value as text, the same for every door; truth is `true` or `false`, as JSON has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
