"""The same row of 64 numbers, in the JSON that a server asks for, and the numbers of its answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from benchmarks.stream.models import WIDTH

ROW: Final = [round(float(x), 6) for x in np.linspace(-1, 1, WIDTH)]
CLOSE: Final = 1e-4


class Form(msgspec.Struct, frozen=True):
    """A path with `{model}` in it, the body of a request, and the keys that lead to the answer's numbers."""

    path: str
    body: bytes
    answer: tuple[str | int, ...] = ()

    def paths(self, models: Sequence[str]) -> list[str]:
        """Return the paths that ask these models."""
        return [self.path.format(model=model) for model in models]

    def is_right(self, answer: bytes, expected: Sequence[float]) -> bool:
        """Whether these numbers stand in the answer."""
        try:
            found: Any = msgspec.json.decode(answer)
            for key in self.answer:
                found = found[key]
            if len(found) == 1:  # a batch of one row
                [found] = found
            return len(found) == len(expected) and all(map(_close, found, expected))
        except (msgspec.DecodeError, LookupError, TypeError):
            return False


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, abs_tol=CLOSE)


def oip() -> Form:
    """Return the Open Inference Protocol's form."""
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, WIDTH], "data": ROW}
    body = msgspec.json.encode({"inputs": [tensor]})
    return Form("/v2/models/{model}/infer", body, ("outputs", 0, "data"))


def row(path: str) -> Form:
    """Return the form of servers whose programs read the body themselves: a row there and back."""
    return Form(path, msgspec.json.encode({"x": ROW}), ("y",))


def rows(path: str) -> Form:
    """Return the form of servers that want a batch, here of one row, and answer with the bare batch."""
    return Form(path, msgspec.json.encode({"x": [ROW]}))
