"""`up`, `down`, `status`: the local stack."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from pointsman import settings as settings_module
from pointsman.cli.options import AsJson, Inputs, Name, Outputs, home_of, stack_of
from pointsman.cli.output import Output
from pointsman.cli.progress import Progress
from pointsman.localstack import detached, enginefiles, redis, supervisor, topics
from pointsman.localstack.assembly import Plan, pools_of
from pointsman.localstack.job import Job
from pointsman.localstack.memory import tree_mib
from pointsman.localstack.pools import Pools
from pointsman.localstack.record import StackRecord
from pointsman.localstack.stack import Stack
from pointsman.settings import MOST_WORKERS, Settings


def up(
    name: Name = "",
    parallelism: Annotated[int, typer.Option("--parallelism", "-p", min=1, help="Of the Flink job.")] = 1,
    pods: Annotated[
        str, typer.Option(help="Pools to serve, comma-separated; POOL:N for N pods.")
    ] = "default",
    gateways: Annotated[
        int, typer.Option(min=0, max=MOST_WORKERS, help="Processes that serve HTTP and gRPC; 0: none.")
    ] = 1,
    inputs: Inputs = None,
    outputs: Outputs = None,
    deduplicate: Annotated[
        list[str] | None, typer.Option(help="A request topic in which repeats of an id are dropped.")
    ] = None,
    trust: Annotated[
        list[str] | None, typer.Option(help="A URI prefix whose archives may carry code.")
    ] = None,
    foreground: Annotated[bool, typer.Option("--foreground", "-f", help="Stay; Ctrl-C stops all.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start broker, engine, Redis, router, pods and gateway, and wait until they answer."""
    out = Output(as_json)
    home = home_of(name)
    plan = _plan(parallelism, pods, gateways, _settings(inputs, outputs, deduplicate, trust))
    if not redis.is_installed():
        out.say("redis-server is not installed: tensors by reference will be refused")
    with out.working("preparing the engine"):
        enginefiles.ensure(out.say)
    if foreground:
        out.say(f"starting in {home.path}; Ctrl-C stops")
        supervisor.run(Stack(home.path, plan=plan), ready=lambda record: _announce(out, record))
        return
    with Progress(out) as progress:
        record = detached.up(home, plan, progress.show)
    _announce(out, record)


def down(
    name: Name = "",
    purge: Annotated[bool, typer.Option("--purge", help="Remove its data as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop the local stack. Its topics and checkpoints stay for the next `up`, unless purged."""
    out = Output(as_json)
    home = home_of(name)
    ran = detached.down(home)
    if purge:
        detached.purge(home)
    said = "stopped" if ran else f"no stack runs in {home.path}"
    out.record({"stopped": ran, "purged": purge}, f"{said}; its data are removed" if purge else said)


def status(name: Name = "", as_json: AsJson = False) -> None:
    """Show the processes of the local stack."""
    out = Output(as_json)
    record = stack_of(name)
    home = home_of(name)
    restarts = Job(record.children["engine"].port).restarts() if "engine" in record.children else None
    pools = Pools(home.pools).read()
    if as_json:
        value = {**msgspec.to_builtins(record), "restarts": restarts, "pools": pools, "home": str(home.path)}
        out.record(value, "")
        return
    out.table(
        ("process", "state", "port", "pid", "MiB", "ready after", "restarts"),
        [
            (name, child.state, child.port, child.pid, tree_mib(child.pid), f"{child.seconds:.1f} s",
             f"{child.restarts} {child.note}".strip())
            for name, child in record.children.items()
        ],
    )  # fmt: skip
    out.say(f"job restarts: {'unknown' if restarts is None else restarts}; Flink: {record.rest}")
    out.say(f"pools: {', '.join(f'{pool} on {address}' for pool, address in pools.items())}")
    out.say(f"files: {home.path}")


def _settings(
    inputs: list[str] | None,
    outputs: list[str] | None,
    deduplicate: list[str] | None,
    trust: list[str] | None,
) -> Settings:
    settings = settings_module.load(
        inputs=tuple(inputs) if inputs else None,
        outputs=tuple(outputs) if outputs else None,
        deduplicate=tuple(deduplicate) if deduplicate else None,
        trusted_stores=tuple(trust) if trust else None,
    )
    topics.wanted(settings)
    return settings_module.absolute(settings)  # the processes run in the folder of the logs


def _plan(parallelism: int, pods: str, gateways: int, settings: Settings) -> Plan:
    pools = tuple(pool for pool in pods.split(",") if pool)
    pools_of(pools)
    return Plan(parallelism=parallelism, pods=pools, gateways=gateways, settings=settings, usual_ports=True)


def _announce(out: Output, record: StackRecord) -> None:
    out.record(
        msgspec.to_builtins(record),
        f"ready in {record.seconds:.1f} s · Kafka {record.kafka} · Flink {record.rest}{_doors(record)}\n"
        "next: pointsman apply model.yaml · pointsman status · pointsman down",
    )


def _doors(record: StackRecord) -> str:
    return f" · HTTP {record.http} · gRPC {record.grpc}" if record.http else ""
