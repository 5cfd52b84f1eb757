"""Versions computed elsewhere, on the real engine: the remote is a model behind the same stack's gateway."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Any

import numpy as np
import pytest

from pointsman.localstack.stack import Stack
from tests.e2e.bench import Bench, scale
from tests.e2e.relay import Relay

REQUESTS = 100
# Nobody else's answer may take so long while a remote is down; it is far below the remote's own time.
AT_ONCE_S = 5.0


@pytest.fixture
def inner(bench: Bench, name: str) -> str:
    """Return a model that multiplies by three: what the remotes compute."""
    bench.apply(f"{name}-inner", {"1": scale(3)}, {"1": 1})
    return f"{name}-inner"


def remote(runtime: str, uri: str, **fields: Any) -> dict[str, Any]:
    """Return a version that asks another's server."""
    options = {"timeout_ms": "5000", "retries": "0", **fields.pop("options", {})}
    return {"uri": uri, "runtime": runtime, "options": options, **fields}


def test_every_protocol_serves_the_stream_through_the_gateways_doors(
    bench: Bench, stack: Stack, name: str, row: np.ndarray, inner: str, http_relay: Relay, grpc_relay: Relay
) -> None:
    http_relay.open(stack.record.http.removeprefix("http://"))
    grpc_relay.open(stack.record.grpc)
    web, rpc = f"http://{http_relay.address}", f"grpc://{grpc_relay.address}"
    versions = {
        "oip-http": remote("oip", f"{web}/v2/models/{inner}"),
        "oip-grpc": remote("oip", f"{rpc}/{inner}/1"),
        "tfs-rest": remote("tensorflow-serving", f"{web}/v1/models/{inner}/versions/1"),
    }
    bench.apply(name, versions, {"oip-http": 1})
    for version in versions:
        for number in range(REQUESTS):
            rows = np.repeat(row, 1 + number % 3, axis=0) * number
            bench.send(name, f"{name}-{version}-{number}", rows, version=version)
    bench.settled()
    for version in versions:
        for number in range(REQUESTS):
            rows = np.repeat(row, 1 + number % 3, axis=0) * number
            np.testing.assert_array_equal(bench.outputs(f"{name}-{version}-{number}")["y"], rows * 3)


def test_a_remote_dies_and_hangs_and_returns_and_its_fallback_answers_meanwhile(
    bench: Bench, stack: Stack, name: str, row: np.ndarray, inner: str, http_relay: Relay
) -> None:
    gateway, other = stack.record.http.removeprefix("http://"), f"{name}-other"
    http_relay.open(gateway)
    far = remote("oip", f"http://{http_relay.address}/v2/models/{inner}", fallback="near")
    far["options"]["timeout_ms"] = "1000"
    bench.apply(name, {"far": far, "near": scale(2)}, {"far": 1})
    bench.apply(other, {"1": scale(5)}, {"1": 1})
    factors = {"far": 3, "near": 2}

    def asked(act: str) -> Counter[str]:
        """Ask both models side by side; return which versions answered, each as it should."""
        for number in range(REQUESTS):
            bench.send(name, f"{name}-{act}-{number}", row * number)
            bench.send(other, f"{other}-{act}-{number}", row * number)
        began = time.monotonic()
        for number in range(REQUESTS):
            assert bench.ledger.wait(
                AT_ONCE_S, until=partial(bench.ledger.finals.__contains__, f"{other}-{act}-{number}")
            )
        assert time.monotonic() - began < AT_ONCE_S
        bench.settled()
        for number in range(REQUESTS):
            version = bench.ledger.finals[f"{name}-{act}-{number}"].version
            found = bench.outputs(f"{name}-{act}-{number}")["y"]
            np.testing.assert_array_equal(found, row * number * factors[version])
            np.testing.assert_array_equal(bench.outputs(f"{other}-{act}-{number}")["y"], row * number * 5)
        return Counter(bench.ledger.finals[f"{name}-{act}-{n}"].version for n in range(REQUESTS))

    assert asked("well") == {"far": REQUESTS}
    http_relay.cut()
    assert asked("dead") == {"near": REQUESTS}
    http_relay.open("")
    assert asked("hanging") == {"near": REQUESTS}
    http_relay.cut()
    http_relay.open(gateway)
    tries, limit = 0, time.monotonic() + 60
    while asked(f"back-{tries}")["far"] < REQUESTS:
        assert time.monotonic() < limit, "the version does not serve again"
        tries += 1
    assert bench.state(name, "far", "READY")


def test_a_remote_that_may_not_be_asked_fails_and_names_the_setting(bench: Bench, name: str) -> None:
    versions = {"1": remote("oip", "http://169.254.169.254/v2/models/secrets")}
    assert bench.control({"model": name, "apply": {"versions": versions}}).ok
    assert "`remotes`" in bench.state(name, "1", "FAILED")["reason"]
