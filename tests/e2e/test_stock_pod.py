"""A function pod of the official SDK, in its own environment, serves in the same job."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pointsman.localstack.pools import Pools
from pointsman.localstack.stack import Stack
from scripts.kept import ROOT
from tests.e2e.bench import Bench
from tests.protocol.official.environment import official_python

SCRIPT = Path("examples/stock_pod/stock_pod.py")


@pytest.fixture
def stock_pod(stack: Stack) -> Iterator[None]:
    """Run the pod of the example, entered in the stack's pools."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "functions")}
    command = [str(official_python()), str(ROOT / SCRIPT), stack.kafka, str(port)]
    process = subprocess.Popen(command, env=environment)
    pools = Pools(stack.home.pools)
    pools.register("stock", f"127.0.0.1:{port}")
    yield
    pools.unregister("stock", f"127.0.0.1:{port}")
    process.terminate()
    process.wait(30)


@pytest.mark.usefixtures("stock_pod")
def test_a_stock_sdk_pod_serves_its_pool_beside_ours(bench: Bench, row: np.ndarray) -> None:
    bench.apply("doubles", {"1": {"uri": "stock:doubles", "runtime": "stock", "pool": "stock"}}, {"1": 1})
    for number in range(300):
        bench.send("doubles", f"stock-{number}", row * number)
    bench.settled()
    for number in range(300):
        np.testing.assert_array_equal(bench.outputs(f"stock-{number}")["y"], row * number * 2)
