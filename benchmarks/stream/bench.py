"""All cases in one go, on one broker: the product and the plain program take turns."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
from rich.console import Console

from benchmarks.stream import processes
from benchmarks.stream.generator import PATIENCE_S, Generator, Measured, Traffic, finish
from benchmarks.stream.row import Round, Row, merge

INFLIGHT: Final = (1, 100, 1_000, 4_000)
SLOW_INFLIGHT: Final = 32


class Pace(msgspec.Struct, frozen=True):
    """How long it may take: rounds, and seconds of each measurement and of its warm-up.

    `first` is the time for the compilers of the two JVMs to warm up, before anything is measured, and `turn`
    for a side to catch up when its turn comes: while it was stopped its own heartbeats and polls fell due.
    """

    rounds: int = 5
    seconds: float = 2.5
    warmup: float = 1.0
    first: float = 15.0
    turn: float = 2.0


QUICK: Final = Pace(rounds=1, seconds=1.0, warmup=0.5, first=4.0, turn=1.0)


class Side(msgspec.Struct, frozen=True):
    """One of the two programs that take turns: its traffic, and its processes by name."""

    case: str
    traffic: Traffic
    pids: dict[str, int]


class Bench:
    """Runs cases on one broker, whose process is `broker`."""

    def __init__(self, generator: Generator, broker: int, pace: Pace, console: Console) -> None:
        self._generator = generator
        self._broker = broker
        self._pace = pace
        self._console = console

    def limit(self, traffic: Traffic, idle: Side) -> list[Row]:
        """Measure the broker alone, while `idle` is stopped."""
        side = Side("limit", traffic, {})
        with processes.stopped([*idle.pids.values()]):
            return [merge(side.case, [self._round(side, inflight)]) for inflight in INFLIGHT]

    def duel(self, sides: Sequence[Side]) -> list[Row]:
        """Measure sides in turn, round by round; those whose turn it is not are stopped."""
        for side in sides:
            with self._alone(side, sides):
                self._generator.run(side.traffic, INFLIGHT[-1], 0, self._pace.first)
        rounds: dict[tuple[str, int], list[Round]] = {}
        for _ in range(self._pace.rounds):
            for side in sides:
                with self._alone(side, sides):
                    for inflight in INFLIGHT:
                        rounds.setdefault((side.case, inflight), []).append(self._round(side, inflight))
        return [merge(case, found) for (case, _), found in sorted(rounds.items(), key=_by_case)]

    def turns(self, sides: Sequence[Side], inflights: Sequence[int]) -> list[Row]:
        """Measure sides of one program in turn, round by round."""
        for side in sides:
            self._generator.run(side.traffic, INFLIGHT[-1], 0, self._pace.first)
        rounds: dict[tuple[str, int], list[Round]] = {}
        for _ in range(self._pace.rounds):
            for inflight in inflights:
                for side in sides:
                    rounds.setdefault((side.case, inflight), []).append(self._round(side, inflight))
        return [merge(case, found) for (case, _), found in rounds.items()]

    def mixed(self, small: Side, slow: Traffic) -> list[Row]:
        """Measure small models without and with a slow neighbour, in turn."""
        return [self._mixed(small, slow, inflight) for inflight in INFLIGHT]

    def _mixed(self, small: Side, slow: Traffic, inflight: int) -> Row:
        alone, beside = [], []
        neighbours: list[Measured] = []
        for _ in range(self._pace.rounds):
            alone.append(self._round(small, inflight))
            # The neighbour is there before and after the small ones are measured.
            seconds = self._pace.warmup + self._pace.seconds + 1
            neighbour = self._generator.start(slow, SLOW_INFLIGHT, 0, seconds)
            try:
                beside.append(self._round(small, inflight))
            finally:
                neighbours.append(finish(neighbour, seconds + PATIENCE_S))
        without, row = merge(small.case, alone), merge(small.case, beside)
        return msgspec.structs.replace(
            row,
            alone={"rps": without.rps, "p50_ms": without.p50_ms, "p99_ms": without.p99_ms},
            neighbour={"rps": neighbours[-1].rps, "p50_ms": neighbours[-1].p50_ms},
        )

    def _round(self, side: Side, inflight: int) -> Round:
        account = processes.Account({"broker": self._broker, **side.pids})
        measured = self._generator.run(side.traffic, inflight, self._pace.warmup, self._pace.seconds)
        cpu = account.spent()
        # The generator's own account has no warm-up; the others' have.
        cpu["generator"] = measured.cpu_seconds * measured.answered / max(1, measured.measured)
        self._console.print(
            f"{side.case:<10} {inflight:>5,} in flight {measured.rps:>10,.0f}/s "
            f"p50 {measured.p50_ms:>8.2f} ms  p99 {measured.p99_ms:>8.2f} ms  lost {measured.lost}"
        )
        return Round(measured, cpu)

    @contextmanager
    def _alone(self, side: Side, sides: Sequence[Side]) -> Iterator[None]:
        others = [pid for other in sides if other is not side for pid in other.pids.values()]
        with processes.stopped(others):
            self._generator.run(side.traffic, INFLIGHT[-1], 0, self._pace.turn)
            yield


def _by_case(entry: tuple[tuple[str, int], list[Round]]) -> tuple[str, int]:
    return entry[0]


def stamp() -> str:
    """Return the present UTC time."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
