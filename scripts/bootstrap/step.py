"""What the steps share: how one fails, runs a program, and remembers that it is done."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

STAMPS = Path(".cache/stamps")


class StepError(Exception):
    """A step cannot go on; the text tells the user what to do."""


def say(text: str) -> None:
    """Print one line at once, so that it stands before the output of the program it announces."""
    print(text, flush=True)


def call(command: list[str], remedy: str) -> None:
    """Run `command` with its output on the terminal. Raises StepError with `remedy` if it fails."""
    if subprocess.run(command, check=False).returncode != 0:
        raise StepError(f"{' '.join(command)}\nfailed. {remedy}")


def digest(files: Iterable[Path], *facts: str) -> str:
    """Return a hash of the files' names and contents and of `facts`."""
    state = hashlib.sha256("\0".join(facts).encode())
    for path in sorted(files):
        state.update(f"\0{path}\0".encode())
        state.update(path.read_bytes())
    return state.hexdigest()


def done(name: str, expected: str) -> bool:
    """Tell whether the step `name` was finished for exactly this input."""
    stamp = STAMPS / name
    return stamp.exists() and stamp.read_text() == expected


def undo(name: str) -> None:
    """Forget that the step was finished, before its results are touched."""
    (STAMPS / name).unlink(missing_ok=True)


def finish(name: str, value: str) -> None:
    """Remember, as the very last action of a step, that it is finished."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(value)
