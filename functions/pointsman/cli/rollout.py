"""Waits for the versions of an applied model."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from pointsman.cli.output import Output
from pointsman.client import Ack
from pointsman.client.catalogue import watch_model
from pointsman.core.policy import latest, staying
from pointsman.core.table import RouteTable, VersionState
from pointsman.errors import FAILED_PRECONDITION, Failure, Refused, TimedOut

# A version in one of these is not on its way to READY: there is nothing to wait for.
_SETTLED: Final = frozenset({VersionState.READY, VersionState.FAILED})


def await_versions(out: Output, kafka: str, ack: Ack, timeout: float, only: str = "") -> None:
    """Print the versions' states as they change, or those of one alone; returns when all are ready.

    A version that leaves meanwhile is not waited for. Raises Refused where one fails, or where `only` left
    before it was ready, and TimedOut after `timeout` seconds.
    """
    rollout = Rollout(out, only)
    with closing(watch_model(kafka, ack.model, timeout)) as tables:
        for table in tables:
            if table.epoch >= ack.epoch and rollout.is_over(table):
                return
    raise TimedOut(
        f"{ack.model} is not ready after {timeout:g} s: {rollout.pending or 'no table came'}\n"
        "does a pod serve its pool? see `pointsman status` and `pointsman logs`"
    )


class Rollout:
    """The versions of a model that somebody waits for, table by table; `only` is the one that counts."""

    def __init__(self, out: Output, only: str = "") -> None:
        self._out = out
        self._only = only
        self._said: dict[str, tuple[VersionState, str]] = {}
        self.pending = ""

    def is_over(self, table: RouteTable) -> bool:
        """Print what is new and return whether no version is on its way any more; raises Refused."""
        names = [self._only] if self._only else [*{**self._said, **staying(table)}]
        for name in names:
            self._say(table, name)
        waiting = {name for name in names if name in staying(table) and self._said[name][0] not in _SETTLED}
        self.pending = ", ".join(f"{name} {self._said[name][0]}" for name in names if name in waiting)
        if waiting:
            return False
        self._judge(table)
        return True

    def _say(self, table: RouteTable, name: str) -> None:
        entry = table.versions.get(name)
        state = VersionState.RETIRED if entry is None else entry.state
        reason = entry.reason if entry is not None and not entry.leaving else _parting(table, name)
        if self._said.get(name, ("",))[0] is not state:
            value = {"model": table.model, "version": name, "state": state, "reason": reason}
            self._out.record(value, f"  version {name}: {state} {reason}".rstrip())
        self._said[name] = state, reason

    def _judge(self, table: RouteTable) -> None:
        stay = staying(table)
        said = {name: self._said[name] for name in self._said if name in stay}
        failed = {name: reason for name, (state, reason) in said.items() if state is VersionState.FAILED}
        if self._only and self._only not in stay:
            entry = table.versions.get(self._only)
            failed = {} if entry is not None and entry.proven else {self._only: self._said[self._only][1]}
        if failed:
            reasons = "; ".join(f"version {version}: {reason}" for version, reason in failed.items())
            raise Refused(Failure(FAILED_PRECONDITION, f"{table.model} did not load: {reasons}"))


def _parting(table: RouteTable, name: str) -> str:
    """Return why a version is on its way out, or out."""
    is_numbered = latest(table.policy) and name.isdecimal()
    if is_numbered and any(int(name) < int(other) for other in staying(table)):
        return "replaced by a newer one"
    return "it leaves" if name in table.versions else "it is gone"
