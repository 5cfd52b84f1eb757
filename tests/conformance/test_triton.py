"""Triton's clients, unmodified."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.environments import python_with
from tests.conformance.environment import run


@pytest.fixture(scope="module")
def python() -> Path:
    return python_with("tritonclient[http,grpc]==2.73.0")


def test_the_http_clients_work_unmodified(python: Path, http: str) -> None:
    assert run(python, "triton.py", "http", http) == "ok\n"


def test_the_grpc_clients_work_unmodified(python: Path, grpc: str) -> None:
    assert run(python, "triton.py", "grpc", grpc) == "ok\n"
