"""Steps after a network that need numpy alone: pooled, normalised, turned into probabilities, named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from pointsman.core.tensor import Array, Item
from pointsman.runtimes.base import Fault, broken
from pointsman.runtimes.step_options import StepOptions
from pointsman.runtimes.steps import After

_MASK: Final = "attention_mask"


def pool(options: StepOptions) -> After:
    """Make one vector per row of those of its tokens: their `mean`, the first token's (`cls`), or `max`."""
    options.only("of", "by", "to")
    by = _POOLS[options.choice("by", _POOLS)]
    of, to = options.text("of"), options.text("to", "embedding")

    def step(outputs: Item, given: Item) -> Item:
        tokens = _one(outputs, of)
        if tokens.ndim != 3:
            raise Fault(broken(f"pool takes vectors of tokens, of three dimensions; it got {tokens.ndim}"))
        mask = given.get(_MASK)
        weights = np.ones(tokens.shape[:2], tokens.dtype) if mask is None else mask.astype(tokens.dtype)
        return {to: by(tokens, weights[..., np.newaxis])}

    return step


def normalize(options: StepOptions) -> After:
    """Scale vectors to length 1 along the last dimension."""
    return _each(options, lambda values: values / np.maximum(_length(values), 1e-12))


def softmax(options: StepOptions) -> After:
    """Make probabilities of scores, along the last dimension."""
    return _each(options, _probabilities)


def labels(options: StepOptions) -> After:
    """Name the highest score of each row, from the option `names` or from a file with one a line."""
    options.only("of", "to", "names")
    names = options.names("names") or tuple(
        options.file("a text with a name in each line").read_text().split("\n")
    )
    table: Array = np.empty(len(names), dtype=object)
    table[:] = [name.strip().encode() for name in names]
    of, to = options.text("of"), options.text("to", "label")

    def step(outputs: Item, given: Item) -> Item:
        best = _one(outputs, of).argmax(axis=-1)
        if best.size and best.max() >= len(table):
            raise Fault(broken(f"the network has class {best.max()}, there are {len(table)} names"))
        return {**outputs, to: table[best]}

    return step


def _each(options: StepOptions, change: Callable[[Array], Array]) -> After:
    options.only("of")
    of = options.text("of")

    def step(outputs: Item, given: Item) -> Item:
        _one(outputs, of)
        chosen = {of} if of else set(outputs)
        return {name: change(array) if name in chosen else array for name, array in outputs.items()}

    return step


def _one(outputs: Item, name: str) -> Array:
    """Return an output by name, the first where none is given."""
    if not name:
        return next(iter(outputs.values()))
    if name not in outputs:
        raise Fault(broken(f"the network has no output {name!r}; it has {', '.join(outputs)}"), final=True)
    return outputs[name]


def _length(values: Array) -> Array:
    length: Array = np.linalg.norm(values, axis=-1, keepdims=True)
    return length


def _probabilities(scores: Array) -> Array:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Array = raised / raised.sum(axis=-1, keepdims=True)
    return shares


def _mean(tokens: Array, weights: Array) -> Array:
    mean: Array = (tokens * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    return mean


def _max(tokens: Array, weights: Array) -> Array:
    highest: Array = np.where(weights > 0, tokens, -np.inf).max(axis=1).astype(tokens.dtype)
    return highest


_POOLS: Final[dict[str, Callable[[Array, Array], Array]]] = {
    "mean": _mean,
    "cls": lambda tokens, _: tokens[:, 0],
    "max": _max,
}
