"""What is done to the system. Each kind of fault is a class; `strike` does it once.

A process that is added to the stack later, such as a gateway, only needs its name in KILLED and STOPPED.
"""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Final, NamedTuple, Protocol

import msgspec

from benchmarks.chaos import disk, release
from benchmarks.chaos.guest import GUEST
from benchmarks.chaos.guest import joined as guest_joined
from benchmarks.chaos.proxy import Mode
from benchmarks.chaos.scene import Scene
from benchmarks.stream import processes

KILLED: Final = ("router", "pod-default", "engine", "kafka", "redis")
STOPPED: Final = ("router", "pod-default", "engine", "kafka")
DRAINED: Final = ("router", "pod-default")
STOP_S: Final = (1.0, 8.0)
AWAY_S: Final = (5.0, 15.0)
LONG_AWAY_S: Final = 310.0
LINE_S: Final = (2.0, 6.0)
DISK_S: Final = (3.0, 6.0)
MIXED_S: Final = 2.0


class Since(NamedTuple):
    """From when recovery counts, in milliseconds of the machine's clock.

    `answered_ms` is when it was over, where the fault itself has seen that. `gone_ms` is since when nobody
    could answer, where that is long before: the first answer is then to a request that has waited since.
    """

    at_ms: int
    answered_ms: int = 0
    gone_ms: int = 0


class Fault(Protocol):
    """One blow."""

    @property
    def name(self) -> str:
        """What is done, without how long."""

    def strike(self, scene: Scene) -> Since:
        """Do it, and undo what does not heal by itself."""


class Kill(msgspec.Struct, frozen=True):
    """SIGKILL of parts, which come back at once."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the signal and the parts."""
        return f"SIGKILL {' + '.join(self.parts)}"

    def strike(self, scene: Scene) -> Since:
        """Kill; recovery counts from the last death: what was sent later nobody dead has answered."""
        for part in self.parts:
            scene.stack.kill(part)
        return now()


class Drain(msgspec.Struct, frozen=True):
    """SIGTERM of a part: it answers what it was asked, ends, and comes back."""

    part: str

    @property
    def name(self) -> str:
        """Return the signal and the part."""
        return f"SIGTERM {self.part}"

    def strike(self, scene: Scene) -> Since:
        """Tell the part to end; recovery counts from then."""
        since = now()
        os.kill(scene.stack.record.children[self.part].pid, signal.SIGTERM)
        return since


class Stop(msgspec.Struct, frozen=True):
    """SIGSTOP of a part for some seconds."""

    part: str
    seconds: float

    @property
    def name(self) -> str:
        """Return the signal and the part."""
        return f"SIGSTOP {self.part}"

    def strike(self, scene: Scene) -> Since:
        """Stop and let go on; recovery counts from then."""
        with processes.stopped([scene.stack.record.children[self.part].pid]):
            time.sleep(self.seconds)
        return now()


class Away(msgspec.Struct, frozen=True):
    """A part is gone for some seconds."""

    part: str
    seconds: float

    @property
    def name(self) -> str:
        """Return the part, and whether it was away for minutes."""
        return f"{self.part} away{' for minutes' if self.seconds > 60 else ''}"

    def strike(self, scene: Scene) -> Since:
        """Kill and bring back; recovery counts from the start of the new process."""
        scene.stack.kill(self.part, hold=True)
        gone_ms = now().at_ms
        time.sleep(self.seconds)
        since = Since(now().at_ms, gone_ms=gone_ms)
        scene.stack.resume(self.part)
        return since


class Line(msgspec.Struct, frozen=True):
    """The connections to the pods are delayed, cut or corrupted for some seconds."""

    mode: Mode
    seconds: float

    @property
    def name(self) -> str:
        """Return what the line does."""
        return f"line to the pods: {self.mode}"

    def strike(self, scene: Scene) -> Since:
        """Spoil the line for a while; recovery counts from its end."""
        scene.proxy.mode = self.mode
        try:
            time.sleep(self.seconds)
        finally:
            scene.proxy.mode = "pass"
        return now()


class FullDisk(msgspec.Struct, frozen=True):
    """No room for checkpoints for some seconds; then there must be a new one."""

    seconds: float
    name: str = "full checkpoint disk"

    def strike(self, scene: Scene) -> Since:
        """Fill and empty the disk; recovery counts from then."""
        with disk.full(scene.stack.home.checkpoints):
            time.sleep(self.seconds)
        since = now()
        scene.until_checkpoint(since.at_ms)
        return since


class Roll(msgspec.Struct, frozen=True):
    """All workers of routers and pods are replaced by the previous release, one by one, and back."""

    name: str = "rolling restart, two releases"

    def strike(self, scene: Scene) -> Since:
        """Go back to the previous release and forth again; recovery counts from the last replacement."""
        scene.releases.choose_previous()
        try:
            _replace_all(scene)
        finally:
            scene.releases.choose_new()
            _replace_all(scene)
        return now()


def _replace_all(scene: Scene) -> None:
    for part in ("router", "pod-default"):
        release.replace_workers(scene.stack.record.children[part])
    time.sleep(MIXED_S)


class Join(msgspec.Struct, frozen=True):
    """A pool that the job has not heard of joins with a new version, serves, and leaves."""

    name: str = "a new pool joins and leaves"

    def strike(self, scene: Scene) -> Since:
        """Let a guest serve a third of a model; recovery counts to its first answer."""
        since = now()
        with guest_joined(scene):
            answered_ms = scene.until_answer(since.at_ms, version=GUEST)
        return Since(since.at_ms, answered_ms)


def now() -> Since:
    """Return this moment."""
    return Since(time.time_ns() // 1_000_000)


def deck(chance: random.Random) -> list[Fault]:
    """Return every kind of fault once, two pairs among them, in the order of chance."""
    pairs = [tuple(sorted(chance.sample(KILLED, 2))) for _ in range(2)]
    faults: list[Fault] = [
        *(Kill((part,)) for part in KILLED),
        *(Kill(pair) for pair in pairs),
        *(Drain(part) for part in DRAINED),
        *(Stop(part, chance.uniform(*STOP_S)) for part in STOPPED),
        Away("pod-default", chance.uniform(*AWAY_S)),
        *(Line(mode, chance.uniform(*LINE_S)) for mode in ("delay", "cut", "corrupt")),
        FullDisk(chance.uniform(*DISK_S)),
        Roll(),
        Join(),
    ]
    chance.shuffle(faults)
    return faults
