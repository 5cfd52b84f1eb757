"""What takes turns: servers of any kind, and what they are to serve."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from benchmarks.doors.forms import Form


class Workload(msgspec.Struct, frozen=True):
    """Models that are served together, and over how many connections they are asked.

    `wait_ms` is what a forward pass takes longer; `calls` are the calls in flight over gRPC, of the first
    model, of those servers that speak it.
    """

    name: str
    models: tuple[str, ...]
    connections: tuple[int, ...]
    wait_ms: int = 0
    calls: tuple[int, ...] = ()


class Site(msgspec.Struct, frozen=True):
    """Where a server finds the weights, and may write."""

    folder: Path
    artifact: Path
    workload: Workload


class Server(Protocol):
    """A server that was started; it need not answer yet."""

    @property
    def url(self) -> str:
        """Where it serves HTTP."""

    @property
    def grpc(self) -> str:
        """Host and port of its Open Inference Protocol over gRPC; empty: none."""

    def memory_bytes(self) -> int:
        """Return the proportional set size of all its processes."""

    def ended(self) -> str:
        """Return why it is gone; empty while it is there."""


class System(Protocol):
    """A kind of server."""

    @property
    def name(self) -> str:
        """What it is called in the table."""

    @property
    def form(self) -> Form:
        """How it is asked."""

    @property
    def has_grpc(self) -> bool:
        """Whether it speaks the Open Inference Protocol over gRPC."""

    def prepare(self) -> None:
        """Install what it needs. Raises Unavailable."""

    def serving(self, site: Site) -> AbstractContextManager[Server]:
        """Start it and end it, with all its processes."""
