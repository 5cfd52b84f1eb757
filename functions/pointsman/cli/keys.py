"""`keys`: who may ask the gateway."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import typer

from pointsman import settings
from pointsman.cli.options import AsJson
from pointsman.cli.output import Output
from pointsman.errors import SettingsError
from pointsman.gateway import keyfile
from pointsman.gateway.key import ENTROPY_BYTES, Key, hash_of, text_of

keys = typer.Typer(help="Make, list and revoke the keys of the gateway.", no_args_is_help=True)

KeyName: TypeAlias = Annotated[str, typer.Argument(help="Name of the key: whose it is.")]
File: TypeAlias = Annotated[str, typer.Option("--keys", help="The file; absent: the setting `keys`.")]


@keys.callback()
def group() -> None:
    """Make, list and revoke the keys of the gateway."""


@keys.command()
def create(
    name: KeyName,
    models: Annotated[str, typer.Option(help="Models it may ask: glob patterns, comma-separated.")] = "*",
    rate: Annotated[float, typer.Option(help="Requests per second; 0: no limit.")] = 0.0,
    burst: Annotated[int, typer.Option(help="Requests at once; 0: as many as a second brings.")] = 0,
    concurrency: Annotated[int, typer.Option(help="Unanswered requests at a time; 0: no limit.")] = 0,
    may_control: Annotated[bool, typer.Option("--may-control", help="It may load and unload.")] = False,
    file: File = "",
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is shown this once: the file holds its hash."""
    text = text_of(secrets.token_bytes(ENTROPY_BYTES))
    key = _key(
        name=name,
        hash=hash_of(text),
        created=datetime.now(UTC).replace(microsecond=0),
        models=[pattern for pattern in models.split(",") if pattern],
        rate=rate,
        burst=burst,
        concurrency=concurrency,
        may_control=may_control,
    )
    keyfile.add(_file(file), key)
    Output(as_json).record({**_shown(key), "key": text}, f"{text}\nthe key of {name}; it is shown this once")


@keys.command("list")
def list_keys(file: File = "", as_json: AsJson = False) -> None:
    """List the keys, without their texts."""
    out, found = Output(as_json), keyfile.read(_file(file))
    rows = [_shown(key) for key in found]
    for row in rows if as_json else ():
        out.record(row, "")
    if rows:
        out.table(tuple(rows[0]), (_cells(row) for row in rows))
    out.say(f"{len(found)} keys; a rate, burst or concurrency of 0 is no limit")


@keys.command()
def revoke(name: KeyName, file: File = "", as_json: AsJson = False) -> None:
    """Revoke a key: within a second no gateway takes it any more."""
    keyfile.remove(_file(file), name)
    Output(as_json).record({"name": name, "revoked": True}, f"key {name} is revoked")


def _file(option: str) -> Path:
    path = settings.load(keys=option or None).keys
    if not path:
        raise SettingsError("which file? Name it with --keys, or set POINTSMAN_KEYS to it")
    return Path(path)


def _key(**fields: Any) -> Key:
    try:
        return msgspec.convert(fields, Key)
    except msgspec.ValidationError as error:
        raise SettingsError(f"this is no key: {error}") from error


def _shown(key: Key) -> dict[str, Any]:
    fields = msgspec.structs.asdict(key)
    del fields["hash"]
    return fields


def _cells(row: dict[str, Any]) -> list[str]:
    return [" ".join(cell) if isinstance(cell, tuple) else str(cell) for cell in row.values()]
