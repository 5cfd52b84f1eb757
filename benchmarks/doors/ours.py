"""The product: the gateway before the whole stack."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from benchmarks.doors.forms import Form, oip
from benchmarks.doors.system import Site
from benchmarks.stream import models, processes
from benchmarks.stream.publication import publish
from pointsman.localstack.assembly import Plan
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings

SETTINGS: Final = Settings(gateway_timeout_ms=30_000)


class Gateway(msgspec.Struct, frozen=True):
    """A stack that runs."""

    url: str
    grpc: str
    stack: Stack

    def memory_bytes(self) -> int:
        """Return the proportional set size of broker, engine, Redis, router, pod and gateway."""
        return sum(processes.memory_bytes(child.pid) for child in self.stack.record.children.values())

    def ended(self) -> str:
        """Return how often the job restarted: a stack brings back what dies."""
        restarts = self.stack.restarts()
        return f"the job restarted {restarts} times" if restarts else ""


class Pointsman(msgspec.Struct, frozen=True):
    """The product as `pointsman up` starts it."""

    name: str = "pointsman"
    form: Form = oip()
    has_grpc: bool = True

    def prepare(self) -> None:
        """Do nothing: the project's own environment has all."""

    @contextmanager
    def serving(self, site: Site) -> Iterator[Gateway]:
        """Start a stack, publish the models, and stop it. Raises PointsmanError."""
        version = _version(site)
        specs = [models.single(name, version) for name in site.workload.models]
        with Stack(site.folder / "stack", plan=Plan(gateways=1, settings=SETTINGS)) as stack:
            asyncio.run(publish(stack.kafka, specs))
            yield Gateway(stack.record.http, stack.record.grpc, stack)


def _version(site: Site) -> dict[str, object]:
    wait_ms = site.workload.wait_ms
    if wait_ms:
        return models.version(site.artifact, "slow", wait_ms=str(wait_ms))
    return models.version(site.artifact)
