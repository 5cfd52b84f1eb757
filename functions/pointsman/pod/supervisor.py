"""Keeps worker processes running on a listening socket that outlives them.

`python -m pointsman.pod.supervisor package.module:function` serves the application that the function builds
from the settings. While a worker is replaced, connections go to the others, or wait in the socket's queue
instead of failing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Final

from pointsman import settings as settings_room
from pointsman.errors import SettingsError
from pointsman.heap import FEW_HEAPS
from pointsman.pod import inquest
from pointsman.pod.inquest import Inquest
from pointsman.settings import MOST_WORKERS, Settings

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
MISCONFIGURED: Final = os.EX_CONFIG  # a worker ends with this where another try is of no use
QUICK_S: Final = 5.0  # a worker that lives shorter is not restarted at once
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
SLACK_S: Final = 2.0  # the worker itself sees first what hangs, unless it cannot see at all


def pause_after(lived_s: float, last_pause_s: float) -> float:
    """Return how long to wait before the next start, in seconds: 0 unless the worker died young."""
    if lived_s >= QUICK_S:
        return 0.0
    return min(max(2 * last_pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)


class Supervisor:
    """Starts the command with the socket's descriptor and our process id as last arguments.

    It is restarted whenever it ends: at once, or with a growing pause where it ends soon after its start.
    The inquest watches it, and hears of its end.
    """

    def __init__(self, command: Sequence[str], listener: socket.socket, inquest: Inquest) -> None:
        self._command = command
        self._listener = listener
        self._inquest = inquest
        self._stopping = asyncio.Event()
        self._worker: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The worker's process id; 0 while there is none."""
        return 0 if self._worker is None else self._worker.pid

    async def run(self) -> int:
        """Return the last worker's exit status after `stop`, or MISCONFIGURED."""
        pause_s = 0.0
        while True:
            started = time.monotonic()
            status, was_at_work = await self._work()
            if self._stopping.is_set():
                return 0 if status == -signal.SIGTERM else status  # it may not have been up yet
            if status == MISCONFIGURED and not was_at_work:  # a model may end its process with any number
                log.error(
                    "the worker ended with %d: its settings are wrong, another try is of no use", status
                )
                return status
            pause_s = pause_after(time.monotonic() - started, pause_s)
            log.warning("the worker ended with %d; the next starts in %.1f s", status, pause_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)
                return 0

    def stop(self) -> None:
        """Ask the worker to finish its work and end; the second time, kill it."""
        number = signal.SIGKILL if self._stopping.is_set() else signal.SIGTERM
        self._stopping.set()
        if self._worker is not None:
            with contextlib.suppress(ProcessLookupError):
                self._worker.send_signal(number)

    async def _work(self) -> tuple[int, bool]:
        """Return the exit status of one worker, and whether it was computing or loading at its end."""
        descriptor = self._listener.fileno()
        worker = self._worker = await asyncio.create_subprocess_exec(
            *self._command,
            str(descriptor),
            str(os.getpid()),
            pass_fds=[descriptor],
            stdin=asyncio.subprocess.DEVNULL,
            env={**FEW_HEAPS, **os.environ},
            start_new_session=True,  # a Ctrl-C in the terminal reaches us alone
        )
        if self._stopping.is_set():
            worker.terminate()  # we were told to stop while it was being started
        watch = asyncio.create_task(self._inquest.watch(worker.pid))
        try:
            status = await worker.wait()
            return status, self._inquest.hold(
                worker.pid, -signal.SIGTERM if self._stopping.is_set() else status
            )
        finally:
            watch.cancel()
            self._worker = None
            # The session ends with its leader: a model's own children go too.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)


def listen(settings: Settings) -> socket.socket:
    """Return the listening socket; raises SettingsError where the address cannot be had.

    A name that has addresses of both families gets that of IPv4; `::` takes callers of both.
    """
    host, port = settings.host, settings.port
    if not 0 <= port < 1 << 16:
        raise SettingsError(f"port: there is no {port}; set 0 to 65535, 0 is any that is free")
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = min(found, key=lambda one: one[0] is not socket.AF_INET)
        is_for_both = address[0] == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=is_for_both)
    except socket.gaierror as error:
        why = error.strerror
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
    except UnicodeError as error:
        why = str(error)
    raise SettingsError(f"cannot listen on {f'[{host}]' if ':' in host else host}:{port}: {why}")


async def supervise(target: str, settings: Settings) -> int:
    """Serve an application of `pointsman.pod.worker` until SIGTERM or SIGINT; return the exit status."""
    if not 1 <= settings.workers <= MOST_WORKERS:
        raise SettingsError(f"workers: {settings.workers} processes cannot serve; set 1 to {MOST_WORKERS}")
    command = [sys.executable, "-m", "pointsman.pod.worker", target]
    with listen(settings) as listener, inquest.folder(settings.journal) as folder:
        os.environ["POINTSMAN_JOURNAL"] = folder  # the workers write there
        asked = inquest.Inquest(folder, settings.compute_timeout_ms / 1000 + SLACK_S)
        supervisors = [Supervisor(command, listener, asked) for _ in range(settings.workers)]

        def stop() -> None:
            for supervisor in supervisors:
                supervisor.stop()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        statuses = await asyncio.gather(*(supervisor.run() for supervisor in supervisors))
        return next((status for status in statuses if status), 0)


def main(target: str) -> None:
    """Run until told to stop."""
    try:
        settings = settings_room.load()
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        status = asyncio.run(supervise(target, settings))
    except SettingsError as error:
        sys.exit(str(error))
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1])
