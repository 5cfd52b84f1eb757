"""The process behind `pointsman up`: owns a stack until it is told to stop.

`python -m pointsman.localstack.supervisor --home FOLDER`; the settings come from the environment. With
`--follow FD` it gives up when that pipe closes before the stack is ready: whoever waited has gone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from pointsman import settings as settings_module
from pointsman.errors import PointsmanError
from pointsman.localstack.assembly import Plan
from pointsman.localstack.record import StackRecord
from pointsman.localstack.stack import Stack


class Stopped(BaseException):
    """Somebody wants the stack to end."""


def run(stack: Stack, follow: int = -1, ready: Callable[[StackRecord], None] = lambda record: None) -> None:
    """Start the stack, hold it until SIGTERM or SIGINT, stop it. Raises StackError where it cannot start.

    `ready` is called once it answers.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    if follow >= 0:
        threading.Thread(target=_watch, args=(follow, stack), daemon=True).start()
    try:
        stack.start()
        ready(stack.record)
        while True:
            signal.pause()
    except Stopped:
        pass
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # once is enough: a second one would leave children behind
        stack.stop()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _watch(follow: int, stack: Stack) -> None:
    os.read(follow, 1)  # returns when the other end is closed
    # Whoever reads in stack.json that the stack is ready may go at once; this object knew it before.
    if not stack.is_ready:
        os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Run the stack that the arguments and the environment describe."""
    parser = argparse.ArgumentParser(prog="pointsman.localstack.supervisor")
    parser.add_argument("--home", required=True)
    parser.add_argument("--parallelism", type=int, default=1)
    parser.add_argument("--pods", default="default")
    parser.add_argument("--gateways", type=int, default=0)
    parser.add_argument("--follow", type=int, default=-1)
    arguments = parser.parse_args()
    try:
        plan = Plan(
            parallelism=arguments.parallelism,
            pods=tuple(pool for pool in arguments.pods.split(",") if pool),
            gateways=arguments.gateways,
            settings=settings_module.load(),
            usual_ports=True,
        )
        run(Stack(arguments.home, plan=plan), arguments.follow)
    except PointsmanError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
