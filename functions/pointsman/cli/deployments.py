"""`promote`, `rollback`, `history`, `policy`: from one version to the next and back."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from pointsman.cli.models import Model, obey
from pointsman.cli.options import Actor, AsJson, Kafka, Name, Timeout, kafka_of
from pointsman.cli.output import Output, when
from pointsman.cli.rollout import await_versions
from pointsman.client.catalogue import read_catalogue
from pointsman.core.spec import WEIGHT_SCALE
from pointsman.core.table import Deployment, RouteTable
from pointsman.errors import ClientError


def promote(
    model: Model,
    version: Annotated[str, typer.Argument(help="The version that is to get all the traffic.")],
    label: Annotated[list[str] | None, typer.Option(help="A label that goes with the traffic.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until the version is ready or has failed.")] = True,
    timeout: Timeout = 120.0,
    actor: Actor = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Give a version all the traffic as soon as it is ready; the others stay, for a rollback."""
    out, servers = Output(as_json), kafka_of(kafka, name)
    wanted = {"version": version, "labels": label or []}
    ack = obey(out, servers, {"model": model, "promote": wanted, "actor": actor}, timeout)
    if wait:
        await_versions(out, servers, ack, timeout, only=version)


def rollback(
    model: Model,
    to: Annotated[int, typer.Option(help="The epoch of a deployment that `history` shows.")] = 0,
    actor: Actor = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Bring back the split and the labels that were in force before their last change."""
    servers = kafka_of(kafka, name)
    if not to:
        # Named by its epoch, so that two who roll back at the same time go one step back and not two.
        earlier = read_catalogue(servers).get(model, RouteTable(model)).deployments[:-1]
        to = earlier[-1].epoch if earlier else 0
    obey(Output(as_json), servers, {"model": model, "rollback": {"to": to}, "actor": actor})


def history(model: Model, kafka: Kafka = "", name: Name = "", as_json: AsJson = False) -> None:
    """Show the last splits and labels of a model, the one in force first."""
    out = Output(as_json)
    table = read_catalogue(kafka_of(kafka, name)).get(model)
    if table is None:
        raise ClientError(f"no model {model!r}; `pointsman get` shows those there are")
    deployments = table.deployments[::-1]
    for one in deployments if as_json else ():
        out.record(msgspec.to_builtins(one), "")
    if deployments:
        out.table(("epoch", "at", "actor", "split", "labels"), map(_row, deployments))
    else:
        out.say("nothing is remembered yet: the next change of the split or the labels will be")


def policy(
    model: Model,
    policy: Annotated[str, typer.Argument(help="named, all or 'latest(N)'.")],
    actor: Actor = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Say which versions a model keeps; with latest(N) the newest that is ready gets all the traffic."""
    obey(Output(as_json), kafka_of(kafka, name), {"model": model, "policy": policy, "actor": actor})


def _row(one: Deployment) -> tuple[object, ...]:
    weights = (f"{version}={weight / WEIGHT_SCALE:g}" for version, weight in one.split.items())
    labels = (f"{label}={version}" for label, version in one.labels.items())
    return one.epoch, when(one.at_ms), one.actor, " ".join(weights), " ".join(labels)
