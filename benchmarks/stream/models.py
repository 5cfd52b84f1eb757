"""What the benchmark serves: artifacts, desired states, and the body of a request.

torch is imported where an artifact is written: a process that maps it would take its share of what others
are charged for it (see `processes.memory_bytes`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.stream.generator import Traffic
from pointsman import topics
from pointsman.pb.v1 import inference_pb2 as pb

MODEL: Final = "mlp"
SMALL: Final = tuple(f"small-{index:02d}" for index in range(20))
SLOW: Final = "slow"
WIDTH: Final = 64


def artifact(folder: Path, seed: int) -> Path:
    """Write the network with the seed's weights and return its path."""
    from safetensors.torch import save

    from pointsman_examples import mlp

    path = folder / f"mlp-{seed}.safetensors"
    path.write_bytes(save(mlp.seeded(seed).state_dict()))
    return path


def version(path: Path, factory: str = "mlp", **options: str) -> dict[str, Any]:
    """Return a version's part of a model file."""
    factory = f"pointsman_examples.mlp:{factory}"
    return {"uri": path.absolute().as_uri(), "runtime": "torch", "factory": factory, "options": options}


def specs(folder: Path) -> list[dict[str, Any]]:
    """Write the artifacts and return the desired states: the MLP at 90/10, 20 small ones, a slow one."""
    first, second = artifact(folder, 1), artifact(folder, 2)
    measured = {
        "model": MODEL,
        "versions": {"1": version(first), "2": version(second)},
        "route": {"split": {"1": 90, "2": 10}},
    }
    small = [single(name, version(first)) for name in SMALL]
    return [measured, *small, single(SLOW, version(first, "slow", wait_ms="20"))]


def single(name: str, only: dict[str, Any]) -> dict[str, Any]:
    """Return the desired state of a model with one version."""
    return {"model": name, "versions": {"1": only}, "route": {"split": {"1": 100}}}


def body(path: Path, **fields: Any) -> Path:
    """Write the payload of a request, one row of 64 numbers, and other fields of it; return its path."""
    row = np.linspace(-1, 1, WIDTH, dtype="<f4")
    request = pb.InferenceRequest(**fields)
    request.tensors.tensors.add(name="x", datatype="FP32", shape=[1, WIDTH], raw=row.tobytes())
    path.write_bytes(request.SerializeToString())
    return path


def traffic(*models: str, payload: Path, reply_key: str = "bench", source: str = topics.REQUESTS) -> Traffic:
    """Return requests to `models` in turn."""
    return Traffic(source, topics.RESPONSES, models, payload, reply_key)
