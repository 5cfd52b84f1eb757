"""The clients that the Open Inference Protocol's working group publishes, unmodified."""

from __future__ import annotations

from scripts.environments import python_with
from tests.conformance.environment import run

CLIENTS = ("open-inference-openapi==2.0.0.1", "open-inference-grpc==2.0.0")


def test_the_published_clients_work_unmodified(http: str, grpc: str) -> None:
    # The gRPC client names no protobuf of its own.
    python = python_with(*CLIENTS, "protobuf>=4,<7", "numpy")
    assert run(python, "open_inference_clients.py", http, grpc) == "ok\n"
