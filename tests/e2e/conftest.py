"""One stack for all end-to-end tests: parallelism 2, two pods of one pool, one of another, all real."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from pointsman.localstack.assembly import Plan
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings
from tests.e2e.bench import Bench, restarts
from tests.e2e.relay import Relay

MODELS = Path(__file__).parent / "models"
ROOT = Path(__file__).parents[2]
ONCE = "once"  # an output that is exactly-once
RETRIES = "retries"  # an input that drops repeats


@pytest.fixture(scope="session")
def relays() -> Iterator[tuple[Relay, Relay]]:
    """Yield lines that remote versions may ask by: one for HTTP, one for gRPC."""
    lines = Relay(), Relay()
    yield lines
    for line in lines:
        line.close()


@pytest.fixture
def http_relay(relays: tuple[Relay, Relay]) -> Iterator[Relay]:
    """Yield the line for HTTP, to be opened."""
    yield relays[0]
    relays[0].cut()


@pytest.fixture
def grpc_relay(relays: tuple[Relay, Relay]) -> Iterator[Relay]:
    """Yield the line for gRPC, to be opened."""
    yield relays[1]
    relays[1].cut()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, relays: tuple[Relay, Relay]) -> Iterator[Stack]:
    """Yield the running stack. Its home has a space in its name, as any home may."""
    settings = Settings(
        inputs=("orders=json:flat", f"{RETRIES}=protobuf"),
        deduplicate=(RETRIES,),
        outputs=("answers", f"{ONCE}:exactly-once"),
        compute_timeout_ms=2_000,
        silence_ms=6_000,
        remotes=(f"http://{relays[0].address}", f"grpc://{relays[1].address}"),
    )
    home, pods = tmp_path_factory.mktemp("the stack"), ("default:2", "aside")
    plan = Plan(parallelism=2, pods=pods, gateways=2, settings=settings)
    with importable(MODELS, ROOT), Stack(home, plan=plan) as running:
        yield running


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Let the pods of stacks that start meanwhile import the modules of folders."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(part for part in (*map(str, folders), before) if part)
    yield
    os.environ["PYTHONPATH"] = before


@pytest.fixture
def bench(stack: Stack) -> Iterator[Bench]:
    """Yield a ledger and commands on the stack; at the end the job must not have restarted meanwhile."""
    before = restarts(stack)
    with Bench(stack) as made:
        yield made
    assert restarts(stack) == before, stack.failure()


@pytest.fixture
def name() -> str:
    """Return a model's name that no other test uses."""
    return f"m-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def row() -> np.ndarray:
    """One row of four numbers."""
    return np.array([[1, 2, 3, 4]], np.float32)
