"""One child process of the stack: how it starts, when it is ready, how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

from pointsman.errors import StackError
from pointsman.localstack import guard
from pointsman.localstack.ports import Reservation

POLL_S = 0.05
_LOG_LIMIT = 32 * 1024**2


class Command(NamedTuple):
    """What to run: `environment` is added to the parent's."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path


class Child(ABC):
    """A process that is started, watched and stopped by a stack.

    It dies with its parent. Its output goes to `log`, which is kept over restarts. It listens on the first
    of the reserved ports; all of them are let go right before it starts.
    """

    ready_within_s: ClassVar[float] = 90.0
    stops_within_s: ClassVar[float] = 10.0

    def __init__(self, name: str, log: Path, *reservations: Reservation) -> None:
        self.name = name
        self.log = log
        self.port = reservations[0].port
        self._reservations = reservations
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0

    @abstractmethod
    def command(self) -> Command:
        """Return what to run; called before every start."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the process does its work. Asked from a thread, at short intervals; must not raise."""

    def is_hopeless(self) -> bool:
        """Whether the process runs, but can never become ready."""
        return False

    async def start(self) -> None:
        """Start the process and return when it is ready. Raises StackError where it dies or never is."""
        await self.spawn()
        await self.until_ready()

    async def spawn(self) -> None:
        """Start the process."""
        command = await asyncio.to_thread(self.command)
        _rotate(self.log)
        self._release()
        wrapped = (sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), *command.argv)
        with self.log.open("ab") as out:
            self._log_start = out.tell()
            self._process = await asyncio.create_subprocess_exec(
                *wrapped,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=command.folder,
                env={**os.environ, **command.environment},
                start_new_session=True,  # a Ctrl-C in the terminal reaches the supervisor alone
            )

    async def until_ready(self) -> None:
        """Return when `is_ready`. Raises StackError where the process ends first or takes too long."""
        limit = time.monotonic() + self.ready_within_s
        while not await asyncio.to_thread(self.is_ready):
            if not self.alive:
                raise StackError(f"{self.name} ended while starting\n{self.tail()}")
            if self.is_hopeless():
                raise StackError(f"{self.name} cannot become ready\n{self.tail()}")
            if time.monotonic() > limit:
                raise StackError(f"{self.name} is not ready after {self.ready_within_s:.0f} s\n{self.tail()}")
            await asyncio.sleep(POLL_S)

    @property
    def pid(self) -> int:
        """The process id; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    async def wait(self) -> int:
        """Return the exit status once the process has ended."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """Ask the process to end, kill it when it does not, and return when it is gone."""
        self._release()
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.wait(), self.stops_within_s)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self.wait()

    def _release(self) -> None:
        for reservation in self._reservations:
            reservation.release()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; a process that has gone is no error."""
        if self.alive and self._process is not None:
            self._process.send_signal(number)

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of `output`."""
        return "\n".join(self.output().splitlines()[-lines:])

    def output(self) -> str:
        """Return what the process has written since it was last started, at most the last 256 KiB."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(self._log_start, self.log.stat().st_size - 256 * 1024))
                return log.read().decode(errors="replace")
        except OSError:
            return ""


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
