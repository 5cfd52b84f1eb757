"""The child process of a Python model, as its pod sees it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from pointsman.core.tensor import Signature
from pointsman.errors import LoadError
from pointsman.runtimes.base import broken
from pointsman.runtimes.frames import Answer, Broken, Channel, Ready, Start

# A child dies with the thread that started it, so one thread that never ends starts them all.
_STARTER: Final = ThreadPoolExecutor(1, thread_name_prefix="children")


class ModelProcess:
    """A running child, ready once it said so. Starting it does not block."""

    def __init__(self, start: Start, threads: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            numbers = (str(theirs.fileno()), str(os.getpid()))
            # Its prints go to our log; it finds the modules that we find.
            environment = os.environ | {
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "OMP_NUM_THREADS": str(threads),
            }
            self._process = _STARTER.submit(
                subprocess.Popen,
                [sys.executable, "-m", "pointsman.runtimes.child", *numbers],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=environment,
            ).result()
        self.channel: Channel[Ready | Answer | Broken] = Channel(ours, Ready | Answer | Broken)
        self.is_ready = False
        self.channel.send(start)

    def wait_until_ready(self, timeout_s: float | None) -> Signature | None:
        """Return the class's signature; raises LoadError, TimeoutError, EOFError or OSError."""
        message = self.channel.receive(timeout_s)
        if not isinstance(message, Ready):
            reason = message.message if isinstance(message, Broken) else "the model's process lost its place"
            raise LoadError(broken(reason))
        self.is_ready = True
        return message.signature

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self.channel.close()
        self._process.kill()
        self._process.wait()

    def ending(self) -> str:
        """Return how the process ended; it must have closed its end."""
        code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def resident_bytes(self) -> int:
        """Return its resident memory, the nearest to its weights that can be known; 0 where it is not."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")
