"""Steps for networks whose tensors do not all have their rows in front, or take what is no row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from pointsman.core.spec import VersionSpec
from pointsman.core.tensor import DTYPES, Array, Item, TensorSpec
from pointsman.runtimes.step_options import StepOptions
from pointsman.runtimes.steps import After, Before, Inputs

ROWS: Final = "rows"
CONSTANTS: Final = "constants"
_MOST_DIMENSIONS: Final = 8

Places: TypeAlias = Mapping[str, int | None]
"""The dimension that holds the rows of a network's tensors, by name; None: it holds none. Else the first."""


def constants(options: StepOptions, wanted: Inputs | None) -> Before:
    """Add inputs that are the same in every pass, which no request brings: `{sr: "16000"}`."""
    types = {tensor.name: DTYPES[tensor.datatype] for tensor in wanted or ()}
    fixed = {name: _number(options, name, types.get(name)) for name in options.given()}
    if wanted is not None:
        _must_know(options, fixed, wanted)
    rest = None if wanted is None else tuple(tensor for tensor in wanted if tensor.name not in fixed)
    return Before(lambda item: {**item, **fixed}, rest)


def rows_in(options: StepOptions, wanted: Inputs | None) -> Before:
    """Move the rows of inputs that the network has in another dimension than the first: `{state: "1"}`."""
    at = _dimensions(options)
    inputs = None if wanted is None else tuple(_fronted(tensor, at.get(tensor.name, 0)) for tensor in wanted)
    if wanted is not None:
        _must_know(options, at, wanted)

    def step(item: Item) -> Item:
        return {name: _moved(array, 0, at.get(name, 0)) for name, array in item.items()}

    return Before(step, inputs)


def rows_out(options: StepOptions) -> After:
    """Move the rows of outputs that the network has in another dimension than the first: `{stateN: "1"}`."""
    at = _dimensions(options)

    def step(outputs: Item, given: Item) -> Item:
        return {name: _moved(array, at.get(name, 0), 0) for name, array in outputs.items()}

    return step


def places_of(spec: VersionSpec) -> Places:
    """Return where a version's steps say that its network has rows."""
    steps = (*spec.before, *spec.after)
    moved = {
        name: int(at)
        for step in steps
        if step.use == ROWS
        for name, at in step.options.items()
        if at.isdecimal()
    }
    fixed = {name: None for step in spec.before if step.use == CONSTANTS for name in step.options}
    return {**moved, **fixed}


def _must_know(options: StepOptions, named: Collection[str], wanted: Inputs) -> None:
    there = [tensor.name for tensor in wanted]
    strange = next((name for name in named if name not in there), None)
    if strange is not None:
        raise options.fault(strange, f"the network has no such input; it has {', '.join(there)}")


def _dimensions(options: StepOptions) -> Mapping[str, int]:
    return {name: options.whole(name, 0, 0, _MOST_DIMENSIONS) for name in options.given()}


def _fronted(tensor: TensorSpec, at: int) -> TensorSpec:
    rest = [size for place, size in enumerate(tensor.shape) if place != at]
    return TensorSpec(tensor.name, tensor.datatype, (-1, *rest))


def _moved(array: Array, source: int, target: int) -> Array:
    return array if source == target else np.ascontiguousarray(np.moveaxis(array, source, target))


def _number(options: StepOptions, name: str, dtype: np.dtype[Any] | None) -> Array:
    text = options.text(name)
    try:
        number = int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        raise options.fault(name, "must be a number") from None
    return np.asarray(number, dtype)
