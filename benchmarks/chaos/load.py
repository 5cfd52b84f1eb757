"""Requests at a steady rate whose right answers are known."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors.numpy import save_file

from pointsman.core.tensor import Array
from pointsman.errors import Failure
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.testing.ledger import Ledger
from pointsman.wire.tensors import array_from_pb, tensor_to_pb

WIDTH: Final = 4
# Each version multiplies by a factor of its own, so an answer tells who gave it.
FACTORS: Final = {("torch", "1"): 2.0, ("torch", "2"): 3.0, ("python", "1"): 5.0, ("python", "2"): 7.0}


def specs(folder: Path) -> list[dict[str, Any]]:
    """Write the artifacts and return the two models, one of each runtime, in two versions at 50/50."""
    models: list[dict[str, Any]] = []
    for model in ("torch", "python"):
        versions = {}
        for (owner, version), factor in FACTORS.items():
            if owner == model:
                versions[version] = _version(folder, model, version, factor)
        models.append({"model": model, "versions": versions, "route": {"split": {"1": 1, "2": 1}}})
    return models


def _version(folder: Path, model: str, version: str, factor: float) -> dict[str, Any]:
    if model == "python":
        return {
            "uri": "python:benchmarks.chaos.models:Scale",
            "runtime": "python",
            "options": {"factor": str(factor)},
        }
    path = folder / f"{model}-{version}.safetensors"
    save_file({"weight": np.eye(WIDTH, dtype=np.float32) * np.float32(factor)}, path)
    return {"uri": path.as_uri(), "runtime": "torch", "factory": "benchmarks.chaos.models:linear"}


class Load:
    """Sends on a thread of its own, so many requests a second, until it is stopped."""

    def __init__(self, ledger: Ledger, rate: float) -> None:
        self._ledger = ledger
        self._rate = rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send, name="load", daemon=True)
        self.sent_ms: dict[str, int] = {}

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and return when the last request is on its way."""
        self._stopping.set()
        self._thread.join()

    def wrong(self) -> list[str]:
        """Return the ids whose final record is an error or not the right answer."""
        finals = self._ledger.finals
        return [request_id for request_id in self._ledger.accepted if not _is_right(finals.get(request_id))]

    def _send(self) -> None:
        begun, number = time.monotonic(), 0
        while not self._stopping.is_set():
            model = ("torch", "python")[number % 2]
            request_id = f"{model}-{number}"
            self.sent_ms[request_id] = time.time_ns() // 1_000_000
            self._ledger.send(request_id, _request(model, request_id, number), key=model.encode())
            number += 1
            self._stopping.wait(max(0.0, begun + number / self._rate - time.monotonic()))


def row(number: int) -> Array:
    """Return the input of a request."""
    return np.full((1, WIDTH), number % 1000 + 1, np.float32)


def _request(model: str, request_id: str, number: int) -> bytes:
    tensor = tensor_to_pb("x", row(number))
    assert not isinstance(tensor, Failure)
    tensors = pb.Tensors(tensors=[tensor])
    return pb.InferenceRequest(id=request_id, model=model, tensors=tensors).SerializeToString()


def _is_right(final: Any) -> bool:
    if final is None or final.error:
        return False
    model, _, number = final.id.partition("-")
    array = array_from_pb(final.outputs["y"])
    wanted = row(int(number)) * np.float32(FACTORS[model, final.version])
    return not isinstance(array, Failure) and np.array_equal(array, wanted)
