"""The process of a version, as its pod sees it: started afresh, or forked in the nursery."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from pointsman.errors import LoadError
from pointsman.runtimes.base import broken
from pointsman.runtimes.frames import Answer, Broken, Channel, Load, Ready, Start
from pointsman.runtimes.nursery import END, REPLY, REQUEST

_NURSERY_S: Final = 120.0  # to import a framework and fork
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
# A child dies with the thread that started it, so one thread that never ends starts them all.
_STARTER: Final = ThreadPoolExecutor(1, thread_name_prefix="children")


def start_children() -> None:
    """Start the thread that starts children, with the priority of the calling one, which they will have."""
    _STARTER.submit(int).result()


class Body(Protocol):
    """A process."""

    pid: int

    def end(self) -> int:
        """End it, if it has not ended, and return its exit code, or its signal below 0."""
        ...


Begin: TypeAlias = Callable[[int], Body]
"""Starts a process that serves `child` on a descriptor; raises OSError."""


class ModelProcess:
    """A running child, ready once it said so. Starting it does not wait for that."""

    def __init__(self, first: Start | Load, begin: Begin) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._body = begin(theirs.fileno())
            except BaseException:
                ours.close()
                raise
        self.channel: Channel[Ready | Answer | Broken] = Channel(ours, Ready | Answer | Broken)
        self.is_ready = False
        self.channel.send(first)

    def wait_until_ready(self, timeout_s: float | None) -> Ready:
        """Return what it says of itself; raises LoadError, TimeoutError, EOFError or OSError."""
        message = self.channel.receive(timeout_s)
        if not isinstance(message, Ready):
            reason = message.message if isinstance(message, Broken) else "the model's process lost its place"
            raise LoadError(broken(reason))
        self.is_ready = True
        return message

    def end(self) -> str:
        """End the process, whatever it is doing, and return how it ended if it had ended itself."""
        self.channel.close()
        code = self._body.end()
        if code >= 0:
            return f"exit code {code}"
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"

    def resident_bytes(self) -> int:
        """Return its resident memory, the nearest to its weights that can be known; 0 where it is not."""
        return self._pages()[0] * _PAGE

    def own_bytes(self) -> int:
        """Return its resident memory without files that it maps, as libraries are; 0 where not known."""
        resident, of_files = self._pages()
        return (resident - of_files) * _PAGE

    def _pages(self) -> tuple[int, int]:
        try:
            words = Path(f"/proc/{self._body.pid}/statm").read_text().split()
            return int(words[1]), int(words[2])
        except (OSError, ValueError, IndexError):
            return 0, 0


class _Popened:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def end(self) -> int:
        """See Body."""
        self._process.kill()
        return self._process.wait()


def started(threads: int) -> Begin:
    """Return what starts a Python interpreter of its own."""

    def begin(descriptor: int) -> Body:
        return _Popened(_popen("child", descriptor, threads))

    return begin


def _popen(module: str, descriptor: int, threads: int) -> subprocess.Popen[bytes]:
    # Its prints go to our log; it finds the modules that we find.
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": str(threads),
    }
    return _STARTER.submit(
        subprocess.Popen,
        [sys.executable, "-m", f"pointsman.runtimes.{module}", str(descriptor), str(os.getpid())],
        pass_fds=[descriptor],
        stdin=subprocess.DEVNULL,
        stdout=2,
        env=environment,
    ).result()


class _Forked:
    def __init__(self, pid: int, nursery: Nursery) -> None:
        self.pid = pid
        self._nursery = nursery

    def end(self) -> int:
        """See Body."""
        return self._nursery.end(self.pid)


class Nursery:
    """The other end of `nursery`: one process that forks others. Its methods may be called on any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._children: set[int] = set()

    def forked(self, runtime: str) -> Begin:
        """Return what forks a process that has imported a runtime."""

        def begin(descriptor: int) -> Body:
            with self._lock:
                pid = self._ask(0, runtime.encode(), [descriptor])
                self._children.add(pid)
            return _Forked(pid, self)

        return begin

    def end(self, pid: int) -> int:
        """End a process and return its status; 0 where the nursery is gone, and so the process."""
        with self._lock, contextlib.suppress(OSError):
            if pid in self._children:
                self._children.discard(pid)
                return self._ask(pid, END, [])
        return 0

    def rest(self) -> None:
        """Free the memory of the nursery if it has no children. Does not wait for one that is being born."""
        if self._lock.acquire(blocking=False):
            try:
                if not self._children:
                    self._close()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the nursery; its children end with it."""
        with self._lock:
            self._close()

    def _ask(self, pid: int, what: bytes, descriptors: list[int]) -> int:
        try:
            control = self._control if self._control is not None else self._open()
            socket.send_fds(control, [REQUEST.pack(pid, what)], descriptors)
            reply = control.recv(REPLY.size, socket.MSG_WAITALL)
            if len(reply) < REPLY.size:
                raise ConnectionResetError("the nursery is gone")
        except OSError:
            self._close()  # the next fork begins a new one
            raise
        (number,) = REPLY.unpack(reply)
        return int(number)

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            # One thread: none of a library's own may run where processes are forked.
            self._process = _popen("nursery", theirs.fileno(), 1)
        ours.settimeout(_NURSERY_S)
        self._control = ours
        return ours

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None
        self._children.clear()
