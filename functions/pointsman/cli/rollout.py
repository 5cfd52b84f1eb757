"""Waits for the versions of an applied model."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import msgspec

from pointsman.cli.output import Output
from pointsman.client import Ack
from pointsman.client.catalogue import watch_model
from pointsman.core.table import RouteTable, VersionState
from pointsman.errors import FAILED_PRECONDITION, Failure, Refused, TimedOut

# A version in one of these is not on its way to READY: there is nothing to wait for.
_SETTLED: Final = frozenset(
    {VersionState.READY, VersionState.FAILED, VersionState.DRAINING, VersionState.RETIRED}
)


def await_versions(out: Output, kafka: str, ack: Ack, timeout: float, only: str = "") -> None:
    """Print the versions' states as they change, or those of one alone; returns when all are ready.

    Raises Refused where a version fails, and TimedOut after `timeout` seconds.
    """
    shown: dict[str, VersionState] = {}
    with closing(watch_model(kafka, ack.model, timeout)) as tables:
        for newest in tables:
            if newest.epoch < ack.epoch:
                continue
            table = _narrowed(newest, only) if only else newest
            _show(out, table, shown)
            if all(state in _SETTLED for state in shown.values()):
                return _judge(table)
    pending = ", ".join(f"{version} {state}" for version, state in shown.items() if state not in _SETTLED)
    raise TimedOut(
        f"{ack.model} is not ready after {timeout:g} s: {pending or 'no table came'}\n"
        "does a pod serve its pool? see `pointsman status` and `pointsman logs`"
    )


def _narrowed(table: RouteTable, version: str) -> RouteTable:
    entries = {name: entry for name, entry in table.versions.items() if name == version}
    return msgspec.structs.replace(table, versions=entries)


def _show(out: Output, table: RouteTable, shown: dict[str, VersionState]) -> None:
    for version, entry in table.versions.items():
        if not entry.leaving and shown.get(version) is not entry.state:
            shown[version] = entry.state
            value = {"model": table.model, "version": version, "state": entry.state, "reason": entry.reason}
            out.record(value, f"  version {version}: {entry.state} {entry.reason}".rstrip())


def _judge(table: RouteTable) -> None:
    failed = {v: entry.reason for v, entry in table.versions.items() if entry.state is VersionState.FAILED}
    if failed:
        reasons = "; ".join(f"version {version}: {reason}" for version, reason in failed.items())
        raise Refused(Failure(FAILED_PRECONDITION, f"{table.model} did not load: {reasons}"))
