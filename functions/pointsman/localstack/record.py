"""stack.json: what other processes need to know of a running stack."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from pointsman.errors import StackError
from pointsman.localstack.home import Home

Phase = Literal["starting", "ready", "failed", "stopped"]
ChildState = Literal["starting", "ready", "down"]


class ChildRecord(msgspec.Struct):
    """One child. `started` is the process's start in kernel ticks, which tells it from a reused pid."""

    pid: int
    started: int
    port: int
    state: ChildState
    seconds: float = 0.0
    restarts: int = 0
    note: str = ""


class StackRecord(msgspec.Struct):
    """The stack. `seconds` is how long it took to be ready; `error` says why it failed."""

    supervisor: int
    supervisor_started: int
    kafka: str
    rest: str
    redis: str
    http: str = ""
    grpc: str = ""
    phase: Phase = "starting"
    children: dict[str, ChildRecord] = {}
    pools: dict[str, int] = {}
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    trusted_stores: tuple[str, ...] = ()
    pods: tuple[str, ...] = ("default",)
    parallelism: int = 1
    transactions: bool = False
    seconds: float = 0.0
    error: str = ""
    version: int = 1

    def is_alive(self) -> bool:
        """Whether the supervisor of this record still runs."""
        return start_ticks(self.supervisor) == self.supervisor_started > 0


def save(home: Home, record: StackRecord) -> None:
    """Write the record in one step: a reader sees the old one or the new one."""
    fresh = home.state.with_suffix(".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    os.replace(fresh, home.state)


def load(home: Home) -> StackRecord | None:
    """Return the last record, or None where there is none or an interruption left half of one."""
    try:
        return msgspec.json.decode(home.state.read_bytes(), type=StackRecord)
    except (OSError, msgspec.MsgspecError):
        return None


def running(home: Home) -> StackRecord:
    """Return the record of the running stack. Raises StackError where none runs."""
    record = load(home)
    if record is None or record.phase in {"failed", "stopped"} or not record.is_alive():
        raise StackError(f"no stack runs in {home.path}; start one with `pointsman up`")
    return record


def start_ticks(pid: int) -> int:
    """Return when the process started, in kernel ticks since boot; 0 where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name in parentheses may hold spaces; the start time is the 20th field after it.
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])
