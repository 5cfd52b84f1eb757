"""`python -m scripts.bootstrap [--for-bench | --for-test]`, from the root of the repository."""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

from scripts.bootstrap import environment, jars, system
from scripts.bootstrap.step import StepError

LOCK = Path(".cache/bootstrap.lock")


def main(arguments: list[str]) -> int:
    """Bring the machine to where `make check`, `test`, `demo` and `bench` can run; return the exit status."""
    if sys.version_info < (3, 11):
        print("pointsman needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...", file=sys.stderr)
        return 1
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second make waits instead of installing into the same place
        try:
            system.ensure(arguments[0].removeprefix("--for-") if arguments else "")
            environment.ensure()
            jars.ensure()
        except StepError as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nInterrupted. The same command goes on from here.", file=sys.stderr)
            return 130
    return 0


sys.exit(main(sys.argv[1:]))
