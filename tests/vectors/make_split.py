"""Writes `split.json`, the published vectors of the split: `python -m tests.vectors.make_split`.

They come from the reference beside this file, so the product is judged by them and not the other way round.
64-bit numbers are hexadecimal strings, because many JSON readers lose their lower bits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.vectors import reference_split as reference

PATH = Path(__file__).with_name("split.json")

_TEXTS = (
    "",
    "a",
    "abc",
    "digits",
    "user-7",
    "12345678",
    "Zürich",
    "東京",
    "🚂",
    "a text that is longer than thirty-two bytes",
    "x" * 97,
)
_SPLITS: tuple[tuple[str, dict[str, int]], ...] = (
    ("digits", {"1": 900_000, "2": 100_000}),
    ("digits", {"1": 500_000, "2": 500_000}),
    ("digits", {"1": 500_000, "2": 500_000, "3": 0}),
    ("Größe", {"a": 1, "b": 2, "c": 3, "d": 4}),
    ("one-arm", {"only": 1}),
    ("extreme", {"least": 1, "most": 16_777_215}),
    ("many", {f"v{n}": 10_000 + n for n in range(20)}),
)
_UNITS = (*_TEXTS, *(f"user-{n}" for n in range(60)), *(f"Gerät-{n}" for n in range(10)))


def vectors() -> dict[str, Any]:
    """Return the vectors as a JSON tree."""
    hashes = [reference.unit_hash("digits", text) for text in _TEXTS]
    mixed = [0, 1, 4095, 4096, 2**63, reference.MASK, *(reference.splitmix(value) for value in hashes)]
    return {
        "about": "pointsman.core.split: weighted rendezvous hashing in integers; strings are UTF-8",
        "log2": {
            "samples": {str(i): reference.TABLE[i] for i in range(0, 1025, 64)},
            "sum": sum(reference.TABLE),
        },
        "xxh64": [
            {"text": text, "seed": f"{seed:016x}", "hash": f"{reference.xxh64(text.encode(), seed):016x}"}
            for text in _TEXTS
            for seed in (0, 0x9E3779B97F4A7C15)
        ],
        "unit_hash": [
            {"experiment": "digits", "unit": text, "hash": f"{value:016x}"}
            for text, value in zip(_TEXTS, hashes, strict=True)
        ],
        "cost": [{"mixed": f"{value:016x}", "cost": reference.cost(value)} for value in mixed],
        "arm": [
            {
                "experiment": experiment,
                "weights": weights,
                "arms": {unit: reference.arm_of(experiment, weights, unit) for unit in _UNITS},
            }
            for experiment, weights in _SPLITS
        ],
    }


def main() -> None:
    """Write the file."""
    PATH.write_text(json.dumps(vectors(), ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
