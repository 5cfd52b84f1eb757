"""`publish`: a file becomes a version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from pointsman.cli.models import Model, obey, pairs
from pointsman.cli.options import Actor, AsJson, Kafka, Name, Timeout, kafka_of
from pointsman.cli.output import Output
from pointsman.cli.rollout import await_versions
from pointsman.cli.shelf import shelf_of
from pointsman.cli.steps import read_steps
from pointsman.client.catalogue import read_catalogue
from pointsman.core.policy import latest
from pointsman.core.spec import PYTHON
from pointsman.core.table import RouteTable
from pointsman.core.uri import AT_HAND, scheme_of, shown
from pointsman.errors import SettingsError
from pointsman.runtimes.framework import FRAMEWORKS, runtime_of
from pointsman.stores.artifacts import Artifact
from pointsman.stores.shelves import Advance, Shelf

_PYTHON_SCHEME: Final = "python:"


def publish(
    model: Model,
    path: Annotated[str, typer.Argument(help="The artifact's file, or python:package.module:Class.")],
    version: Annotated[str, typer.Option(help="Its name; absent: the next number.")] = "",
    runtime: Annotated[str, typer.Option(help="What runs it; absent: what the file's name says.")] = "",
    factory: Annotated[str, typer.Option(help="Of safetensors: package.module:function.")] = "",
    signature: Annotated[str, typer.Option(help="A YAML or JSON file with inputs and outputs.")] = "",
    example: Annotated[str, typer.Option(help="A first input: .npy, .npz or .json.")] = "",
    expect: Annotated[str, typer.Option(help="The outputs that the example must give: .npz or .json.")] = "",
    option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, for its factory or class.")] = None,
    steps: Annotated[str, typer.Option(help="A YAML or JSON file with before and after.")] = "",
    pool: Annotated[str, typer.Option(help="The pods that are to serve it.")] = "",
    store: Annotated[
        str,
        typer.Option(
            envvar="POINTSMAN_STORE",
            help="Where artifacts go: a folder, inline, redis, https://… …; absent: the stack's folder.",
        ),
    ] = "",
    wait: Annotated[bool, typer.Option(help="Wait until the version is ready or has failed.")] = True,
    timeout: Timeout = 120.0,
    actor: Actor = "",
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Store an artifact under its digest and add it to a model as a version.

    The first version of a model gets all its traffic; a later one none until `promote` or `split` gives it
    some; where the model's policy is latest(N) it gets all when it is ready.
    """
    out = Output(as_json)
    servers = kafka_of(kafka, name)
    shelf = shelf_of(store, kafka, name)
    table = read_catalogue(servers).get(model, RouteTable(model))
    chosen = version or _next(table)
    spec: dict[str, Any] = {"runtime": runtime or _runtime(path), "options": pairs(option or [])}
    spec |= {key: value for key, value in (("factory", factory), ("pool", pool)) if value}
    spec |= _placed(shelf, "uri", path, out)
    for field, file in (("example", example), ("expect", expect)):
        if file:
            spec |= _placed(shelf, field, file, out)
    if signature:
        spec["signature"] = _signature(signature)
    if steps:
        spec |= read_steps(steps, partial(_stored, shelf, out=out))
    # Two that publish at once may both mean this number: the router takes one artifact under a name only.
    ack = obey(out, servers, {"model": model, "register": {chosen: spec}, "actor": actor}, timeout)
    if wait:
        await_versions(out, servers, ack, timeout, only=chosen)
    if table.versions and chosen not in table.route.split and not latest(table.policy):
        out.say(
            f"it gets no traffic yet: pointsman promote {model} {chosen}, or split {model} VERSION=WEIGHT ..."
        )


def _next(table: RouteTable) -> str:
    """Return the number after the highest of a model's versions."""
    return str(max((int(version) for version in table.versions if version.isdecimal()), default=0) + 1)


def _runtime(path: str) -> str:
    found = PYTHON if path.startswith(_PYTHON_SCHEME) else runtime_of(path)
    if not found:
        kinds = ", ".join(suffix for one in FRAMEWORKS.values() for suffix in one.suffixes)
        raise SettingsError(f"{path!r} is of no kind that is known by its name ({kinds}); say --runtime")
    return found


def _placed(shelf: Shelf, field: str, path: str, out: Output) -> dict[str, str]:
    """Return the fields of the description that name a file, once the store has it."""
    if path.startswith(_PYTHON_SCHEME):
        return {field: path}
    stored = _stored(shelf, Path(path).expanduser(), out)
    where = shown(stored.uri)
    if field != "uri":
        is_fetched = scheme_of(stored.uri) not in AT_HAND
        return {field: stored.uri, **({f"{field}_sha256": stored.sha256} if is_fetched else {})}
    out.record(
        {"uri": where, "sha256": stored.sha256, "bytes": stored.size},
        f"stored {path}, {stored.size:,} bytes, sha256 {stored.sha256}",
    )
    return {field: stored.uri, "sha256": stored.sha256}


def _stored(shelf: Shelf, path: Path, out: Output) -> Artifact:
    try:
        with _progress(out, path) as advance:
            return shelf.put(path, advance)
    except OSError as error:
        raise SettingsError(f"{error.filename or path}: {error.strerror}") from error


@contextmanager
def _progress(out: Output, path: Path) -> Iterator[Advance]:
    """Show how much of a file is stored."""
    columns = TextColumn("storing {task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=out.console, transient=True, disable=out.as_json) as bar:
        task = bar.add_task(escape(path.name), total=path.stat().st_size)
        yield partial(bar.advance, task)


def _signature(file: str) -> Any:
    try:
        return yaml.safe_load(Path(file).expanduser().read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"--signature {file}: {' '.join(str(error).split())}") from error
