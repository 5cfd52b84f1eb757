"""Runs a command that must not outlive its parent: `python guard.py PARENT_PID COMMAND...`.

The kernel kills the process when the thread that started it ends, even by SIGKILL. A program of its own
rather than code between fork and exec, because that is unsafe in a parent with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for SIGKILL at the parent's death, then become the command."""
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before the request was in place
        sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - this is its purpose
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
