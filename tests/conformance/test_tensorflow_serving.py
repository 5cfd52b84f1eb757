"""Clients of TensorFlow Serving's gRPC services, made from its own stubs, unmodified."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.environments import python_with
from tests.conformance.environment import run

# The stubs are as old as their names say; a newer protobuf reads them slowly or not at all.
PROTOBUF = "protobuf==3.20.3"


@pytest.fixture(scope="module")
def minified() -> Path:
    return python_with("min-tfs-client==1.0.2", PROTOBUF)


def test_the_stubs_of_its_python_package_work_without_tensorflow(grpc: str) -> None:
    # TensorFlow itself, half a gigabyte, would give them the messages of tensors alone.
    stubs = ("tensorflow-serving-api==2.10.1", "tensorflow-protobuf==2.7.0")
    python = python_with("grpcio", "numpy", PROTOBUF, alone=stubs)
    assert run(python, "tfs_stubs.py", grpc) == "ok\n"


def test_the_stubs_that_a_minified_client_carries_work(minified: Path, grpc: str) -> None:
    assert run(minified, "tfs_stubs.py", grpc) == "ok\n"


def test_a_minified_client_works(minified: Path, grpc: str) -> None:
    assert run(minified, "min_tfs.py", *grpc.rsplit(":", 1)) == "ok\n"
