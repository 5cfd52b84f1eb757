"""Starts a supervisor that outlives this process, and stops one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

from pointsman import settings as settings_module
from pointsman.errors import StackError
from pointsman.localstack import record, supervisor
from pointsman.localstack.assembly import Plan
from pointsman.localstack.child import POLL_S
from pointsman.localstack.home import Home
from pointsman.localstack.record import StackRecord

_STOP_WITHIN_S: Final = 45.0


def up(home: Home, plan: Plan, progress: Callable[[StackRecord], None]) -> StackRecord:
    """Start a supervisor and return its record once the stack is ready.

    `progress` gets each state on the way. Raises StackError where it does not start; then, and when this
    process ends before, nothing is left running.
    """
    home.create()
    if home.is_locked():
        current = record.load(home)
        where = f" (Kafka on {current.kafka})" if current else ""
        raise StackError(f"a stack runs in {home.path} already{where}; stop it with `pointsman down`")
    reading, writing = os.pipe()
    process = _spawn(home, plan, reading)
    os.close(reading)
    try:
        return _follow(home, process, progress)
    finally:
        os.close(writing)
        if process.poll() is None and not _is_ready(home, process.pid):
            process.wait(_STOP_WITHIN_S)


def down(home: Home) -> bool:
    """Stop the stack and return whether one ran. Raises StackError where it does not end."""
    current = record.load(home)
    if current is None or not current.is_alive():
        return False
    os.kill(current.supervisor, signal.SIGTERM)
    limit = time.monotonic() + _STOP_WITHIN_S
    while home.is_locked():
        if time.monotonic() > limit:
            os.kill(current.supervisor, signal.SIGKILL)  # the children die with it
            raise StackError("the stack did not stop in time and was killed")
        time.sleep(POLL_S)
    return True


def purge(home: Home) -> None:
    """Remove everything that stacks wrote into the home, and nothing else."""
    for folder in (
        home.logs, home.checkpoints, home.savepoints, home.kafka_data, home.conf, home.tmp,
        home.journals,
    ):  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)
    for folder in home.path.glob("checkpoints*"):
        shutil.rmtree(folder, ignore_errors=True)
    files = (home.state, home.origin, home.order, home.answer, home.pools, home.pools.with_suffix(".lock"))
    for file in (*files, home.path / "lock"):
        file.unlink(missing_ok=True)
    if home.path.is_dir() and not any(home.path.iterdir()):
        home.path.rmdir()


def _spawn(home: Home, plan: Plan, follow: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", supervisor.__name__, "--home", str(home.path), "--follow", str(follow),
        "--parallelism", str(plan.parallelism), "--pods", ",".join(plan.pods),
        "--gateways", str(plan.gateways),
    ]  # fmt: skip
    with (home.logs / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(follow,),
            start_new_session=True,
            env={**os.environ, **settings_module.environment(plan.settings)},
        )


def _follow(
    home: Home, process: subprocess.Popen[bytes], progress: Callable[[StackRecord], None]
) -> StackRecord:
    while process.poll() is None:
        current = record.load(home)
        if current is not None and current.supervisor == process.pid:
            progress(current)
            if current.phase == "ready":
                return current
        time.sleep(POLL_S)
    said = (home.logs / "supervisor.log").read_text(errors="replace").strip()
    raise StackError(said or "the stack's supervisor ended without a word")


def _is_ready(home: Home, pid: int) -> bool:
    current = record.load(home)
    return current is not None and current.supervisor == pid and current.phase == "ready"
