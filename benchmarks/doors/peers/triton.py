"""Triton: the tritonserver that the wheel nvidia-pytriton ships, with its Python backend.

The dynamic batcher with its defaults, where its documentation begins: no wait, whatever is queued is the next
batch. One instance of each model.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path
from typing import Final

from benchmarks.doors.forms import oip
from benchmarks.doors.peer import Launch, Peer, Place
from benchmarks.doors.programs import batching
from benchmarks.stream.models import WIDTH
from pointsman.localstack.ports import HOST

CONFIG: Final = """name: "{name}"
backend: "python"
max_batch_size: {rows}
dynamic_batching {{ }}
input [{{ name: "x" data_type: TYPE_FP32 dims: [ {width} ] }}]
output [{{ name: "y" data_type: TYPE_FP32 dims: [ {width} ] }}]
instance_group [{{ count: 1 kind: KIND_CPU }}]
"""
# The stub's interpreter is an isolated one, which passes the variable over.
MODEL: Final = """import os
import sys

sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)

from serve_triton import TritonPythonModel
"""


def launch(place: Place) -> Launch:
    """Write the repository of models, and return how it starts."""
    [packages] = place.python.parent.parent.glob("lib/python*/site-packages")
    dist = packages / "pytriton" / "tritonserver"
    http, grpc, metrics, *_ = place.ports
    command = (
        str(dist / "bin" / "tritonserver"), f"--model-repository={_repository(place)}",
        f"--backend-directory={_backends(place, dist)}", f"--http-address={HOST}", f"--grpc-address={HOST}",
        f"--http-port={http}", f"--grpc-port={grpc}", f"--metrics-port={metrics}",
    )  # fmt: skip
    libraries = (packages / "nvidia_pytriton.libs", sysconfig.get_config_var("LIBDIR"))
    environment = {
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        # The backend's stub has the interpreter in it, and finds the packages by the first python3 there.
        "PATH": f"{place.python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    return Launch(command, environment, grpc=grpc)


def _repository(place: Place) -> Path:
    repository = place.folder / "models"
    for name in place.site.workload.models:
        folder = repository / name / "1"
        folder.mkdir(parents=True)
        (folder / "model.py").write_text(MODEL)
        config = CONFIG.format(name=name, rows=batching.MAX_BATCH, width=WIDTH)
        (folder.parent / "config.pbtxt").write_text(config)
    return repository


def _backends(place: Place, dist: Path) -> Path:
    """Return the backends with the stub of this Python, as the wheel itself puts them together."""
    folder = place.folder / "backends" / "python"
    shutil.copytree(dist / "backends" / "python", folder)
    version = ".".join(sysconfig.get_python_version().split(".")[:2])
    stub = folder / "triton_python_backend_stub"
    shutil.copy(dist / "python_backend_stubs" / version / stub.name, stub)
    stub.chmod(0o755)
    return folder.parent


PEER: Final = Peer("Triton", oip(), launch, ("nvidia-pytriton==0.7.0",), has_grpc=True)
