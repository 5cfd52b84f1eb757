"""`models`, `inspect`: what is loaded where, how large it is, and how it is used."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
import typer

from pointsman.cli.models import labels_of, named
from pointsman.cli.options import AsJson, Kafka, Name, kafka_of
from pointsman.cli.output import Output
from pointsman.client.catalogue import read_catalogue
from pointsman.client.holdings import Holding, read_holdings
from pointsman.core.spec import Step, VersionSpec
from pointsman.core.table import RouteTable, VersionEntry
from pointsman.core.tensor import TensorSpec
from pointsman.core.uri import shown
from pointsman.errors import ClientError

_URIS: Final = ("uri", "example", "expect")
_TEXTS: Final = ("uri", "runtime", "factory", "sha256", "pool", "example", "expect", "fallback", "isolation")
_ALWAYS: Final = ("max_batch", "concurrency", "min_ready", "ordered", "pinned")


def models(kafka: Kafka = "", name: Name = "", as_json: AsJson = False) -> None:
    """Show which versions are in the memory of which pods, their bytes and last use."""
    out, servers, now_ms = Output(as_json), kafka_of(kafka, name), time.time_ns() // 1_000_000
    catalogue, holdings = read_catalogue(servers), read_holdings(servers, now_ms)
    found = [
        (table, entry, holdings.of(table.model, entry.version, entry.generation))
        for table in sorted(catalogue.values(), key=lambda table: table.model)
        for entry in table.versions.values()
    ]
    if as_json:
        for table, entry, held in found:
            out.record(_facts(table, entry, held), "")
        return
    columns = (
        "model",
        "version",
        "state",
        "pool",
        "in memory",
        "bytes",
        "last use",
        "max batch",
        "rows/pass",
    )
    out.table(columns, [_row(table, entry, held, now_ms) for table, entry, held in found])
    for pod, memory in sorted(holdings.pods.items()):
        figures = f"{memory.bytes:,} of {memory.limit:,} bytes, at most {memory.peak:,} so far"
        out.say(f"pod {pod}: {figures}")


def inspect(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    version: Annotated[str, typer.Argument(help="A version; absent: all.")] = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Show all that is known of a model's versions: their description, and each pod that holds them."""
    out, servers, now_ms = Output(as_json), kafka_of(kafka, name), time.time_ns() // 1_000_000
    table = read_catalogue(servers).get(model)
    if table is None:
        raise ClientError(f"no model {model!r}; `pointsman models` shows those there are")
    if version and version not in table.versions:
        raise ClientError(f"{model} has no version {version!r}; there are: {', '.join(table.versions)}")
    holdings = read_holdings(servers, now_ms)
    for entry in [table.versions[version]] if version else table.versions.values():
        held = holdings.of(model, entry.version, entry.generation)
        if as_json:
            out.record(_facts(table, entry, held), "")
        else:
            _tell(out, table, entry, held, now_ms)


def _facts(table: RouteTable, entry: VersionEntry, held: Sequence[Holding]) -> dict[str, Any]:
    return {
        "model": table.model,
        "epoch": table.epoch,
        **msgspec.to_builtins(entry),
        "labels": named(table.labels, entry.version),
        "awaited": named(table.awaited, entry.version),
        "pods": [msgspec.to_builtins(one) for one in held],
    }


def _row(table: RouteTable, entry: VersionEntry, held: Sequence[Holding], now_ms: int) -> tuple[object, ...]:
    loaded = sum(one.in_memory for one in held)
    return (
        table.model,
        entry.version,
        entry.state.value,
        entry.spec.pool,
        f"{loaded} of {len(held)}" + (", pinned" if entry.spec.pinned else ""),
        f"{max((one.bytes for one in held), default=0):,}",
        _ago(max((one.last_ms for one in held), default=0), now_ms),
        entry.spec.max_batch,
        _mean(held),
    )


def _tell(out: Output, table: RouteTable, entry: VersionEntry, held: Sequence[Holding], now_ms: int) -> None:
    rows: list[tuple[object, object]] = []
    rows.append(("state", entry.state.value + (f": {entry.reason}" if entry.reason else "")))
    rows.append(("generation", entry.generation))
    if labels := labels_of(table, entry.version):
        rows.append(("labels", labels))
    rows += described(entry.spec)
    rows += [(f"pod {one.pod}", _said(one, now_ms)) for one in held]
    out.table(("field", "value"), rows, title=f"{table.model} version {entry.version}")


def described(spec: VersionSpec) -> list[tuple[object, object]]:
    """Return the fields of a description that say something, as people read them."""
    given = {field: getattr(spec, field) for field in _TEXTS if getattr(spec, field)}
    rows: list[tuple[object, object]]
    rows = [(field, shown(value) if field in _URIS else value) for field, value in given.items()]
    rows += [("tolerance", f"{spec.tolerance:g}")] if spec.expect else []
    rows += [(f"options.{key}", value) for key, value in spec.options.items()]
    for group in ("before", "after"):
        rows += [(f"{group}.{number}", _step(step)) for number, step in enumerate(getattr(spec, group))]
    if spec.signature is not None:
        rows += [("input", _tensor(one)) for one in spec.signature.inputs]
        rows += [("output", _tensor(one)) for one in spec.signature.outputs]
    rows += [(field, getattr(spec, field)) for field in _ALWAYS]
    rows += [("compute_timeout", f"{spec.compute_timeout:,} ms")] if spec.compute_timeout else []
    rows += [("memory", f"{spec.memory:,} bytes")] if spec.memory else []
    return rows


def _step(step: Step) -> str:
    options = (f"{key}={value}" for key, value in step.options.items())
    return " ".join([step.use, *([shown(step.uri)] if step.uri else []), *options])


def _said(one: Holding, now_ms: int) -> str:
    where = "in memory" if one.in_memory else "not in memory"
    told = [f"{one.state}: {one.reason}" if one.reason else one.state, where, f"{one.bytes:,} bytes"]
    told.append(f"loaded {one.loads} times" + (f", last in {one.load_ms:,} ms" if one.loads else ""))
    told.append(f"{one.passes:,} passes of {_mean([one])} rows, last use {_ago(one.last_ms, now_ms)}")
    return "\n".join(told)


def _tensor(spec: TensorSpec) -> str:
    return f"{spec.name} {spec.datatype} {list(spec.shape)}"


def _mean(held: Sequence[Holding]) -> str:
    passes = sum(one.passes for one in held)
    return f"{sum(one.rows for one in held) / passes:.1f}" if passes else "-"


def _ago(at_ms: int, now_ms: int) -> str:
    return f"{max(0, now_ms - at_ms) // 1000:,} s ago" if at_ms else "-"
