"""A server that others wrote: its environment, its start and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.doors.forms import Form
from benchmarks.doors.system import Site
from benchmarks.stream import processes
from pointsman.localstack.ports import HOST, reserve
from pointsman.localstack.record import start_ticks
from scripts.environments import python_with
from scripts.kept import ROOT

PROGRAMS: Final = Path(__file__).with_name("programs")
# All calculate with the product's own torch: the network is to cost everyone the same.
LENT: Final = ("torch", "safetensors")
ENDS_WITHIN_S: Final = 20.0
PORTS: Final = 5


class Place(msgspec.Struct, frozen=True):
    """Where a peer runs: its interpreter, its free ports (the first is for HTTP), its folder, its models."""

    python: Path
    ports: Sequence[int]
    site: Site

    @property
    def folder(self) -> Path:
        """A folder of its own."""
        return self.site.folder

    def script(self, name: str) -> str:
        """Return the path of a command that its packages brought."""
        return str(self.python.with_name(name))


class Launch(msgspec.Struct, frozen=True):
    """A command and what its environment has beside ours; `grpc` is the port of its gRPC."""

    command: Sequence[str]
    environment: Mapping[str, str] = {}
    grpc: int = 0


class Process(msgspec.Struct, frozen=True):
    """A peer that was started."""

    url: str
    grpc: str
    process: subprocess.Popen[bytes]
    log: Path

    def memory_bytes(self) -> int:
        """Return the proportional set size of all its processes."""
        return processes.memory_bytes(self.process.pid)

    def ended(self) -> str:
        """Return why it is gone, with the last line of its log; empty while it is there."""
        status = self.process.poll()
        return "" if status is None else f"ended with {status}: {last_line(self.log)}"


class Peer(msgspec.Struct, frozen=True):
    """A peer. Without requirements it runs in the project's own environment."""

    name: str
    form: Form
    launch: Callable[[Place], Launch]
    requirements: tuple[str, ...] = ()
    has_grpc: bool = False

    def prepare(self) -> None:
        """Make its environment. Raises Unavailable."""
        self._python()

    def _python(self) -> Path:
        return python_with(*self.requirements, lent=LENT) if self.requirements else Path(sys.executable)

    @contextmanager
    def serving(self, site: Site) -> Iterator[Process]:
        """Start it on free ports, and end all its processes."""
        reservations = [reserve() for _ in range(PORTS)]
        ports = [one.port for one in reservations]
        launch = self.launch(Place(self._python(), ports, site))
        log = site.folder / "log"
        environment = {**os.environ, **given(site, ports), **launch.environment}
        for one in reservations:
            one.release()
        with log.open("wb") as output:
            process = subprocess.Popen(
                launch.command, cwd=site.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            grpc = f"{HOST}:{launch.grpc}" if launch.grpc else ""
            yield Process(f"http://{HOST}:{ports[0]}", grpc, process, log)
        finally:
            end(process)


def given(site: Site, ports: Sequence[int]) -> dict[str, str]:
    """Return what `programs/given.py` reads; it travels by the environment, past launchers of all kinds."""
    return {
        "DOORS_PORT": str(ports[0]),
        "DOORS_MODELS": ",".join(site.workload.models),
        "DOORS_ARTIFACT": str(site.artifact),
        "DOORS_WAIT_MS": str(site.workload.wait_ms),
        "PYTHONPATH": f"{ROOT / 'examples'}{os.pathsep}{PROGRAMS}",
        # So small a network is slower on two threads; torch's own setting holds for one thread only.
        "OMP_NUM_THREADS": "1",
    }


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all below it: as it likes, and after a while by force. Return when they are gone."""
    members = {pid: start_ticks(pid) for pid in processes.tree(process.pid)}
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDS_WITHIN_S)
    for pid in _left(members):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # those whose parents ended before them
    process.wait()
    deadline = time.monotonic() + ENDS_WITHIN_S
    while _left(members) and time.monotonic() < deadline:
        time.sleep(0.05)


def _left(members: Mapping[int, int]) -> list[int]:
    """Return those that are still there: the same processes, not others with their numbers."""
    return [pid for pid, started in members.items() if start_ticks(pid) == started > 0]


def last_line(log: Path) -> str:
    """Return the last line of a log that says something."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
