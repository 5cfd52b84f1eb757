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
from pointsman.testing.ledger import Ledger
from pointsman.testing.request import request
from pointsman.wire.tensors import array_from_pb

WIDTH: Final = 4
MODELS: Final = ("torch", "python")
PERMANENT: Final = ("1", "2")
# Each version multiplies by a factor of its own, so an answer tells who gave it. Version 3 is a guest's.
FACTORS: Final = {
    ("torch", "1"): 2.0, ("torch", "2"): 3.0,
    ("python", "1"): 5.0, ("python", "2"): 7.0, ("python", "3"): 11.0,
}  # fmt: skip


def specs(folder: Path) -> list[dict[str, Any]]:
    """Write the artifacts and return the two models, one of each runtime, in two versions at 50/50."""
    return [_spec("torch", {one: _torch(folder, one) for one in PERMANENT}), python_spec(*PERMANENT)]


def python_spec(*versions: str) -> dict[str, Any]:
    """Return the model of the Python runtime with these versions in equal parts."""
    return _spec("python", {version: _python(version) for version in versions})


def _spec(model: str, versions: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "versions": versions, "route": {"split": dict.fromkeys(versions, 1)}}


def _python(version: str) -> dict[str, Any]:
    options = {"factor": str(FACTORS["python", version])}
    return {"uri": "python:benchmarks.chaos.models:Scale", "runtime": "python", "options": options}


def _torch(folder: Path, version: str) -> dict[str, Any]:
    path = folder / f"torch-{version}.safetensors"
    save_file({"weight": np.eye(WIDTH, dtype=np.float32) * np.float32(FACTORS["torch", version])}, path)
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
            model = MODELS[number % len(MODELS)]
            request_id = f"{model}-{number}"
            self.sent_ms[request_id] = time.time_ns() // 1_000_000
            self._ledger.send(request_id, request(model, request_id, row(number)), key=model.encode())
            number += 1
            self._stopping.wait(max(0.0, begun + number / self._rate - time.monotonic()))


def row(number: int) -> Array:
    """Return the input of a request."""
    return np.full((1, WIDTH), number % 1000 + 1, np.float32)


def _is_right(final: Any) -> bool:
    if final is None or final.error:
        return False
    model, _, number = final.id.partition("-")
    array = array_from_pb(final.outputs["y"])
    wanted = row(int(number)) * np.float32(FACTORS[model, final.version])
    return not isinstance(array, Failure) and np.array_equal(array, wanted)
