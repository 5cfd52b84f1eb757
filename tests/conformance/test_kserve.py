"""KServe's clients, unmodified."""

from __future__ import annotations

from scripts.environments import python_with
from tests.conformance.environment import run


def test_the_rest_and_grpc_clients_work_unmodified(http: str, grpc: str) -> None:
    assert run(python_with("kserve==0.21.0"), "kserve_clients.py", http, grpc) == "ok\n"
