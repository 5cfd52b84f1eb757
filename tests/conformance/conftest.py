"""One stack whose gateway all clients ask."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.client import Client
from pointsman.localstack.assembly import Plan
from pointsman.localstack.stack import Stack

MODELS = Path(__file__).parent / "models"
CLASSES = {"double": "Double", "echo": "Echo", "sum": "Sum"}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield a running stack with the models `double`, `echo` and `sum`."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(part for part in (str(MODELS), before) if part)
    with Stack(tmp_path_factory.mktemp("conformance"), plan=Plan(gateways=1)) as running:
        asyncio.run(_publish(running))
        yield running
    os.environ["PYTHONPATH"] = before


async def _publish(stack: Stack) -> None:
    async with Client(stack.kafka) as client:
        events = await client.events()
        for model, name in CLASSES.items():
            version: dict[str, Any] = {"uri": f"python:conformance_models:{name}", "runtime": "python"}
            await client.apply({"model": model, "versions": {"1": version}, "route": {"split": {"1": 1}}})
        waiting = set(CLASSES)
        async with asyncio.timeout(60):
            async for event in events:
                if event.get("state") == "READY":
                    waiting.discard(event["model"])
                if not waiting:
                    return


@pytest.fixture(scope="session")
def http(stack: Stack) -> str:
    """Return host and port of the HTTP doors."""
    return stack.record.http.removeprefix("http://")


@pytest.fixture(scope="session")
def grpc(stack: Stack) -> str:
    """Return host and port of the gRPC doors."""
    return stack.record.grpc
