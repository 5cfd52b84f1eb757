"""`apply`, `get`, `split`, `label`, `retire`: what models there are and who gets their traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer

from pointsman.cli import modelfile
from pointsman.cli.options import Actor, AsJson, Kafka, Name, Timeout, kafka_of
from pointsman.cli.output import Output
from pointsman.cli.rollout import await_versions
from pointsman.client import Ack, Client
from pointsman.client.catalogue import read_catalogue
from pointsman.core.spec import NAMED, WEIGHT_SCALE
from pointsman.core.table import RouteTable
from pointsman.core.uri import shown
from pointsman.errors import ClientError, Refused, SettingsError

Model = Annotated[str, typer.Argument(help="The model's name.")]


def apply(
    files: Annotated[list[str], typer.Argument(help="Model files, or - for standard input.")],
    wait: Annotated[bool, typer.Option(help="Wait until every version is ready or has failed.")] = True,
    expected_epoch: Annotated[
        int | None, typer.Option("--epoch", help="Refuse if the model has moved on from this epoch.")
    ] = None,
    timeout: Timeout = 120.0,
    actor: Actor = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Make models as their files describe them."""
    out = Output(as_json)
    specs = [spec for file in files for spec in modelfile.read(file)]
    servers = kafka_of(kafka, name)
    for spec in specs:
        command: dict[str, Any] = {"model": spec["model"], "apply": spec, "actor": actor}
        if expected_epoch is not None:
            command["expected_epoch"] = expected_epoch
        ack = obey(out, servers, command, timeout)
        if wait:
            await_versions(out, servers, ack, timeout)


def get(
    model: Annotated[str, typer.Argument(help="A model; absent: all.")] = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Show models, their versions and weights."""
    out = Output(as_json)
    catalogue = read_catalogue(kafka_of(kafka, name))
    if model and model not in catalogue:
        raise ClientError(f"no model {model!r}; there are: {', '.join(sorted(catalogue)) or 'none yet'}")
    tables = [catalogue[model]] if model else [catalogue[key] for key in sorted(catalogue)]
    if as_json:
        for table in tables:
            out.record(msgspec.to_builtins(table), "")
    elif not tables:
        out.say("no models yet; `pointsman apply model.yaml` brings the first")
    else:
        columns = ("model", "version", "state", "weight", "share", "pool", "labels", "uri")
        out.table(columns, [row for table in tables for row in _rows(table)])
        for line in (line for table in tables for line in _remarks(table)):
            out.say(line)


def split(
    model: Model,
    weights: Annotated[list[str], typer.Argument(help="VERSION=WEIGHT for each version with traffic.")],
    actor: Actor = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Set the weights of a model's versions: `split digits 1=90 2=10`."""
    decimals = {version: _decimal(text) for version, text in pairs(weights).items()}
    obey(Output(as_json), kafka_of(kafka, name), {"model": model, "split": decimals, "actor": actor})


def label(
    model: Model,
    labels: Annotated[list[str], typer.Argument(help="LABEL=VERSION; LABEL= removes the label.")],
    actor: Actor = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Point labels at versions: `label digits stable=2`."""
    obey(Output(as_json), kafka_of(kafka, name), {"model": model, "label": pairs(labels), "actor": actor})


def retire(
    model: Model,
    versions: Annotated[list[str], typer.Argument(help="Versions to drain and remove.")],
    actor: Actor = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Drain versions and remove them."""
    obey(Output(as_json), kafka_of(kafka, name), {"model": model, "retire": versions, "actor": actor})


def obey(out: Output, kafka: str, command: Mapping[str, Any], timeout: float = 10.0) -> Ack:
    """Send a command and print its acknowledgement; raises Refused where it is a refusal."""

    async def send() -> Ack:
        async with Client(kafka) as client:
            return await client.control(command, timeout=timeout)

    ack = asyncio.run(send())
    if ack.error is not None:
        raise Refused(ack.error)
    out.record(msgspec.to_builtins(ack), f"{ack.model}: {ack.kind or 'done'}, epoch {ack.epoch}")
    if ack.note:
        out.say(f"  {ack.note}")
    return ack


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """Return what NAME=VALUE says, of each. Raises SettingsError."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise SettingsError(f"{text!r} must be written NAME=VALUE")
        found[key] = value
    return found


def _decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"{text!r} is no weight: write a number") from None


def _rows(table: RouteTable) -> list[tuple[object, ...]]:
    split = table.route.split
    total = sum(split.values())
    rows: list[tuple[object, ...]] = []
    for version, entry in table.versions.items():
        weight = split.get(version, 0)
        labels = labels_of(table, version)
        share = f"{weight / total:.1%}" if total else "-"
        decimal = f"{weight / WEIGHT_SCALE:g}"
        spec, state = entry.spec, entry.state.value
        rows.append((table.model, version, state, decimal, share, spec.pool, labels, shown(spec.uri)))
    return rows


def labels_of(table: RouteTable, version: str) -> str:
    """Return the labels of a version as people read them, those that are on their way marked."""
    waiting = [f"{label} (when ready)" for label in named(table.awaited, version)]
    return ", ".join([*named(table.labels, version), *waiting])


def named(labels: Mapping[str, str], version: str) -> list[str]:
    """Return which of the labels are on a version."""
    return [label for label, target in labels.items() if target == version]


def _remarks(table: RouteTable) -> list[str]:
    policy = [] if table.policy == NAMED else [f"{table.model}: policy {table.policy}"]
    return policy + [
        f"{table.model} version {version}: {entry.reason}"
        for version, entry in table.versions.items()
        if entry.reason
    ]
