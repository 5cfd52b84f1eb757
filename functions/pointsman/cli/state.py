"""`checkpoint`, `restore`, `rebuild`: the state of the local stack's job."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.status import Status

from pointsman import settings as settings_module
from pointsman.cli.options import AsJson, Name, age_ms, home_of
from pointsman.cli.output import Output
from pointsman.cli.progress import Progress
from pointsman.errors import StackError
from pointsman.localstack import detached, orders, record, savepoint
from pointsman.localstack import origin as origins
from pointsman.localstack.assembly import Plan
from pointsman.localstack.home import Home
from pointsman.localstack.keeper import SAVEPOINT_WITHIN_S
from pointsman.localstack.orders import Order
from pointsman.localstack.origin import Origin

Parallelism = Annotated[
    int, typer.Option("--parallelism", "-p", min=0, help="Of the Flink job; 0: as it was.")
]


def checkpoint(
    to: Annotated[str, typer.Option("--to", help="The folder to write it in; absent: the stack's own.")] = "",
    stop: Annotated[
        bool, typer.Option("--stop", help="End the job with it; `restore` or `up` go on from it.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait for it.")] = SAVEPOINT_WITHIN_S,
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Take a savepoint of the running job and print its path."""
    out = Output(as_json)
    folder = str(Path(to).expanduser().absolute()) if to else ""
    order = Order("stop" if stop else "checkpoint", folder, within_s=timeout)
    path = _ordered(out, home_of(name), order, "taking a savepoint")
    out.record({"savepoint": path, "stopped": stop}, path)
    if stop:
        out.say("the job is stopped; next: pointsman restore, or pointsman down and up")


def restore(
    path: Annotated[str, typer.Argument(help="The folder of a savepoint.")],
    parallelism: Parallelism = 0,
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Start the job from a savepoint: the running stack's anew, or with the whole stack as it last was."""
    out = Output(as_json)
    home = home_of(name)
    found = str(savepoint.find(path))
    if home.is_locked():
        _ordered(out, home, Order("restore", found, parallelism), "starting from the savepoint")
    else:
        _start(out, home, Origin(found, time.time_ns()), parallelism)
    out.record({"restored": found}, f"the job goes on from {found}")


def rebuild(
    since: Annotated[
        str, typer.Option("--since", help="Read the requests of the last 30s, 10min, 2h again.")
    ] = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Forget the job's state and have the models' tables again, from their snapshots and later commands."""
    out = Output(as_json)
    home = home_of(name)
    reread_ms = time.time_ns() // 1_000_000 - age_ms(since) if since else 0
    if home.is_locked():
        _ordered(out, home, Order("rebuild", reread_ms=reread_ms), "rebuilding the tables")
    else:
        _start(out, home, Origin("", time.time_ns(), reread_ms), 0)
    out.record({"rebuilt": True}, "the tables are as they were; requests go on where the job's group stopped")


def _ordered(out: Output, home: Home, order: Order, doing: str) -> str:
    if out.as_json:
        return orders.give(home, order)
    with Status(doing, console=out.console) as status:
        return orders.give(home, order, lambda seconds: status.update(f"{doing}, {seconds:.0f} s"))


def _start(out: Output, home: Home, origin: Origin, parallelism: int) -> None:
    """Start the stack as it last was, but from another beginning; where that fails the old one stays."""
    last = record.load(home)
    if last is None:
        raise StackError(f"no stack ran in {home.path} yet; start one with `pointsman up`")
    given = settings_module.load()
    known = {"inputs": last.inputs, "outputs": last.outputs, "trusted_stores": last.trusted_stores}
    plan = Plan(
        parallelism=parallelism or last.parallelism,
        pods=last.pods,
        settings=msgspec.structs.replace(given, **{key: value for key, value in known.items() if value}),
        usual_ports=True,
    )
    with origins.begun(home, origin), Progress(out) as progress:
        detached.up(home, plan, progress.show)
