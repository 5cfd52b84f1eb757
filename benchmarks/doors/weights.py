"""`python -m benchmarks.doors.weights FOLDER`: write the weights of all, print their path and the answer.

A process of its own: whoever measures memory must not have torch mapped.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import torch

from benchmarks.doors.forms import ROW
from benchmarks.stream import models
from pointsman_examples import mlp

SEED = 1


def main() -> None:
    """Write the weights; print their path, and below it what they make of the row."""
    folder = Path(sys.argv[1])
    with torch.inference_mode():
        [answer] = mlp.seeded(SEED)(torch.tensor([ROW])).tolist()
    print(models.artifact(folder, SEED))
    print(msgspec.json.encode(answer).decode())


if __name__ == "__main__":
    main()
