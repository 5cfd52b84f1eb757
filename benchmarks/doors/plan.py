"""What is measured, in which order, and how long that takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from benchmarks.doors.system import Workload
from benchmarks.stream.models import MODEL, SLOW, SMALL

T = TypeVar("T")
WORKLOADS: Final = (
    Workload("one model", (MODEL,), (1, 16, 64, 256), calls=(1, 64, 256)),
    Workload("20 models", SMALL, (64, 512)),
    Workload("a 20 ms model", (SLOW,), (1, 64, 256), wait_ms=20),
)
# What a start and an end take on two cores, mostly and at most.
MOSTLY_S, READY_S, END_S = 25.0, 240.0, 30.0


class Plan(msgspec.Struct, frozen=True):
    """Rounds, seconds of each measurement, seconds of warm-up after each start."""

    workloads: Sequence[Workload] = WORKLOADS
    rounds: int = 2
    seconds: float = 5.0
    warmup: float = 10.0

    def over(self, connections: Sequence[int]) -> Plan:
        """Return the plan for these connections (and calls in flight) alone."""
        cut = [
            msgspec.structs.replace(
                one,
                connections=tuple(n for n in one.connections if n in connections),
                calls=tuple(n for n in one.calls if n in connections),
            )
            for one in self.workloads
        ]
        return msgspec.structs.replace(self, workloads=[one for one in cut if one.connections or one.calls])

    def without_calls(self) -> Plan:
        """Return the plan without gRPC."""
        cut = [msgspec.structs.replace(one, calls=()) for one in self.workloads]
        return msgspec.structs.replace(self, workloads=cut)

    def visits(self, systems: Sequence[T]) -> Iterator[tuple[Workload, T]]:
        """Yield who serves what, one after the other.

        Systems take turns within a workload, and every other round goes backwards: where the machine grows
        slower or faster meanwhile, it does so for all.
        """
        for number in range(self.rounds):
            for workload in self.workloads:
                for system in systems if number % 2 == 0 else reversed(systems):
                    yield workload, system

    def minutes(self, systems: int) -> tuple[float, float]:
        """Return about how many minutes the visits take, and how many at most."""
        measured = sum(
            self.warmup + self.seconds * (len(one.connections) + len(one.calls)) for one in self.workloads
        )
        starts, visits = len(self.workloads), self.rounds * systems
        return (
            visits * (measured + starts * MOSTLY_S) / 60,
            visits * (measured + starts * (READY_S + END_S)) / 60,
        )
