"""Two releases of the functions, and a link to the one that processes start with."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from benchmarks.chaos.awaited import awaited
from benchmarks.stream import processes
from pointsman.localstack import rest
from pointsman.localstack.functions import HEALTH
from pointsman.localstack.record import ChildRecord

# What runs beside the present state during a rolling restart.
PREVIOUS: Final = "84d1623"
ROOT: Final = Path(__file__).resolve().parents[2]
WORKER: Final = "pointsman.pod.worker"
PATIENCE_S: Final = 60.0
POLL_S: Final = 0.05


class Releases:
    """`path` belongs at the head of PYTHONPATH: a process that starts then is of the current release."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "release"
        self._folder = folder
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", PREVIOUS, "functions"], check=True, capture_output=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder / "previous", filter="data")
        self.choose_new()

    def choose_new(self) -> None:
        """Let workers start with this checkout's functions."""
        self._link(ROOT / "functions")

    def choose_previous(self) -> None:
        """Let workers start with the previous release's functions."""
        self._link(self._folder / "previous" / "functions")

    def _link(self, target: Path) -> None:
        fresh = self._folder / "release.new"
        fresh.symlink_to(target)
        os.replace(fresh, self.path)


def replace_workers(child: ChildRecord) -> None:
    """Let each worker of a router or a pod finish and be replaced, one after the other.

    While one is away the others, of either release, serve the same port.
    """
    for worker in workers(child.pid):
        _replace(child, worker)


def workers(pid: int) -> list[int]:
    """Return the workers below a supervisor."""
    return [child for child in processes.tree(pid) if WORKER in _command(child)]


def _replace(child: ChildRecord, worker: int) -> None:
    before = set(workers(child.pid))
    os.kill(worker, signal.SIGTERM)
    complaint = "a worker was not replaced"
    awaited(lambda: _is_replaced(child, worker, before) or None, complaint, PATIENCE_S, POLL_S)


def _is_replaced(child: ChildRecord, worker: int, before: set[int]) -> bool:
    now = set(workers(child.pid))
    return worker not in now and len(now) == len(before) and rest.get(child.port, HEALTH)[0] == 200


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
