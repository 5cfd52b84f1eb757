"""Where processes of versions are forked: `python -m pointsman.runtimes.nursery FD PARENT`.

Importing a framework takes seconds; it is done here once, and each process is a fork of this one. Nothing is
computed here and no thread runs, so a fork is sound and as good as new.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Final

from pointsman.errors import LoadError
from pointsman.runtimes.artifact import imported
from pointsman.runtimes.child import live
from pointsman.runtimes.framework import target_of
from pointsman.runtimes.orphan import die_with_parent

log = logging.getLogger(__name__)

# A process id, and what is to be done: FORK with the runtime's name and a descriptor, or END.
REQUEST: Final = struct.Struct("<q32s")
REPLY: Final = struct.Struct("<q")
END: Final = b"-"


def serve(control: socket.socket) -> None:
    """Fork and end processes until the other end is gone."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 1)
        if len(request) < REQUEST.size:
            return
        pid, what = REQUEST.unpack(request)
        if not descriptors:
            control.sendall(REPLY.pack(_end(pid)))
            continue
        [descriptor] = descriptors
        child = _fork(what.rstrip(b"\0").decode(), descriptor, control)
        os.close(descriptor)
        control.sendall(REPLY.pack(child))


def _fork(runtime: str, descriptor: int, control: socket.socket) -> int:
    with contextlib.suppress(LoadError):  # the child says so, in its own words
        imported(target_of(runtime), "runtime")
    us = os.getpid()
    child = os.fork()
    if child:
        return child
    control.close()
    die_with_parent(us)
    try:
        live(descriptor)
    except Exception:
        log.exception("the process of a version broke")
    finally:
        sys.stdout.flush()
        os._exit(0)


def _end(pid: int) -> int:
    """Return the status of a process: its exit code, or its signal below 0."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # where it has ended by itself this changes nothing
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return 0


def main(arguments: Sequence[str]) -> None:
    """Serve on the inherited socket; end with the pod."""
    descriptor, parent = map(int, arguments)
    die_with_parent(parent)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with contextlib.suppress(OSError):
        serve(socket.socket(fileno=descriptor))


if __name__ == "__main__":
    main(sys.argv[1:])
