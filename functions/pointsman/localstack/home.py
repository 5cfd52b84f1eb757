"""The folder of a stack: everything it writes lies in here."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pointsman.core.ids import GRAMMAR, is_name
from pointsman.errors import StackError

DEFAULT_NAME = "default"


class Home:
    """Paths of one stack. Creating the object touches nothing; `create` makes the folders."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.state = self.path / "stack.json"
        self.pools = self.path / "pools.properties"
        self.logs = self.path / "logs"
        self.checkpoints = self.path / "checkpoints"
        self.savepoints = self.path / "savepoints"
        self.origin = self.path / "origin.json"
        self.order = self.path / "order.json"
        self.answer = self.path / "answer.json"
        self.kafka_data = self.path / "kafka-data"
        self.conf = self.path / "conf"
        self.tmp = self.path / "tmp"
        self.journals = self.path / "journals"
        self.store = self.path / "store"
        self._lock = self.path / "lock"

    def create(self) -> None:
        """Make the folders. Raises StackError where the disk or its rights do not allow it."""
        try:
            for folder in (self.logs, self.checkpoints, self.kafka_data, self.conf, self.tmp):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(
                f"{self.path} cannot be written: {error.strerror}; set POINTSMAN_HOME"
            ) from error

    def lock(self) -> IO[bytes]:
        """Return the open lock file; the kernel frees the lock when the process ends, however it ends.

        Raises StackError when another process holds it.
        """
        handle = self._lock.open("ab")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise StackError(f"a stack runs in {self.path} already; stop it with `pointsman down`") from error
        return handle

    def is_locked(self) -> bool:
        """Whether some process runs a stack here."""
        if not self._lock.exists():
            return False
        try:
            self.lock().close()
        except StackError:
            return True
        return False


def find(name: str = "", environ: Mapping[str, str] | None = None) -> Home:
    """Return the home called `name`; without a name, $POINTSMAN_HOME or ~/.pointsman/default."""
    env = os.environ if environ is None else environ
    if name and not is_name(name):
        raise StackError(f"{name!r} is no name for a stack: it must match {GRAMMAR}")
    if not name and env.get("POINTSMAN_HOME"):
        return Home(Path(env["POINTSMAN_HOME"]))
    base = Path(env["HOME"]) if env.get("HOME") else Path.home()
    return Home(base / ".pointsman" / (name or DEFAULT_NAME))
