"""A network that takes its time to load."""

from __future__ import annotations

import time
from typing import Final

from pointsman_examples.mlp import SIGNATURE, Mlp


def late(load_s: str = "0") -> Mlp:
    """Build the benchmark's network after so many seconds."""
    time.sleep(float(load_s))
    return Mlp()


late.signature = SIGNATURE  # type: ignore[attr-defined]
FACTORY: Final = f"{__name__}:{late.__name__}"
