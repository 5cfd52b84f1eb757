"""Artifacts that would do harm, on the real engine: refused with the reason, and the old version serves."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from tests.e2e.bench import Bench, scale
from tests.integration.runtimes.exhibits import regression

# Far above what a pod keeps; only claimed, for a test that unpacked it would not be the only one to suffer.
UNPACKED = 1 << 40


class Shell:
    """What a pickle can do to who opens it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.marker}'",)


def pickled(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps(Shell(marker)))


def archived(path: Path, marker: Path) -> None:
    """Write what torch takes for an archive of its own: a zip whose data.pkl is a pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Shell(marker)))
        archive.writestr("archive/version", "3")


def climbing(path: Path, marker: Path) -> None:
    onnx.save(regression("rows"), path)
    path.write_bytes(regression("rows", "../../../etc/passwd").SerializeToString())


def bomb(path: Path, marker: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("zeros", bytes(1 << 20))
        archive.filelist[-1].file_size = UNPACKED


def cut_short(path: Path, marker: Path) -> None:
    path.write_bytes((1 << 20).to_bytes(8, "little") + b'{"w":{"dtype":"F32"')


def nothing_wrong(path: Path, marker: Path) -> None:
    onnx.save(regression("rows"), path)


FACTORY = {"factory": "tests.integration.runtimes.exhibits:Linear"}
# The file's name, what makes it, more of its description, and what the reason says.
HOSTILE: dict[str, tuple[str, Callable[[Path, Path], None], dict[str, Any], str]] = {
    "pickle-skops": ("a.skops", pickled, {"runtime": "sklearn"}, "is no skops file"),
    "pickle-onnx": ("a.onnx", pickled, {"runtime": "onnx"}, "is no ONNX model"),
    "pickle-weights": ("a.safetensors", pickled, FACTORY, "SafetensorError"),
    "pickle": ("a.pkl", pickled, {"runtime": "sklearn"}, "sklearn loads .skops"),
    "torchscript": ("a.pt", archived, {}, "trusted stores only"),
    "exported": ("a.pt2", archived, {}, "trusted stores only"),
    "climbing": ("b.onnx", climbing, {"runtime": "onnx"}, "has its data in another file"),
    "bomb": ("b.skops", bomb, {"runtime": "sklearn"}, "cache_bytes"),
    "cut-short": ("b.safetensors", cut_short, FACTORY, "SafetensorError"),
    "digest": ("c.onnx", nothing_wrong, {"runtime": "onnx", "sha256": "0" * 64}, "sha256"),
}


def test_no_hostile_artifact_runs_or_disturbs_the_version_that_serves(
    bench: Bench, name: str, tmp_path: Path, row: np.ndarray
) -> None:
    marker = tmp_path / "it-ran"
    signature = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]}
    versions = {}
    for version, (file, make, fields, _) in HOSTILE.items():
        path = tmp_path / version / file
        path.parent.mkdir()
        make(path, marker)
        versions[version] = {"uri": path.as_uri(), "signature": signature, **fields}
    bench.apply(name, {"1": scale(1)}, {"1": 100})
    desired = {"versions": {"1": scale(1), **versions}, "route": {"split": dict.fromkeys(versions, 1)}}
    ack = bench.control({"model": name, "apply": desired})
    assert ack.ok, ack.error
    for number in range(20):
        bench.send(name, f"{name}-{number}", row)
    for version, (*_, said) in HOSTILE.items():
        reason = bench.state(name, version, "FAILED")["reason"]
        assert said in reason, f"{version}: {reason}"
    bench.settled()
    finals = [bench.ledger.finals[f"{name}-{number}"] for number in range(20)]
    assert {final.version for final in finals} == {"1"}
    assert bench.predict(name, {"x": row}).version == "1"
    assert not marker.exists()
