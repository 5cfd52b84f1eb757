"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from pointsman.errors import SettingsError, StackError
from pointsman.localstack import home as homes
from pointsman.localstack import record
from pointsman.localstack.home import Home
from pointsman.localstack.record import StackRecord
from pointsman.wire.duration import milliseconds

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]
Name: TypeAlias = Annotated[str, typer.Option("--name", help="Which local stack, where you run several.")]
Kafka: TypeAlias = Annotated[
    str,
    typer.Option("--kafka", envvar="POINTSMAN_KAFKA", help="Bootstrap servers; absent: the local stack's."),
]
Inputs: TypeAlias = Annotated[
    list[str] | None, typer.Option("--input", help="An own request topic: TOPIC=FORMAT[:MODEL].")
]
Outputs: TypeAlias = Annotated[
    list[str] | None, typer.Option("--output", help="A topic that routes may name: TOPIC[:exactly-once].")
]
Url: TypeAlias = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="POINTSMAN_URL",
        help="The gateway's URL, http(s):// or grpc(s)://; absent: the local stack's over HTTP.",
    ),
]
Actor: TypeAlias = Annotated[
    str,
    typer.Option("--actor", envvar="POINTSMAN_ACTOR", help="Who does it: `history` and the events say so."),
]
Timeout: TypeAlias = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the answer.")]

_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def home_of(name: str) -> Home:
    """Return the home of the named stack."""
    return homes.find(name)


def stack_of(name: str) -> StackRecord:
    """Return the record of the running stack. Raises StackError where none runs."""
    return record.running(homes.find(name))


def kafka_of(kafka: str, name: str) -> str:
    """Return the bootstrap servers that a command is to use. Raises StackError where there are none."""
    return kafka or stack_of(name).kafka


def url_of(url: str, name: str) -> str:
    """Return the URL of the gateway to use. Raises StackError where no stack runs, or it has no gateway."""
    found = url or stack_of(name).http
    if not found:
        raise StackError("the local stack has no gateway: `pointsman down`, then `pointsman up --gateways 1`")
    return found


def age_ms(text: str) -> int:
    """Return the milliseconds of an age such as 10min. Raises SettingsError."""
    age = milliseconds(text)
    if age is None:
        raise SettingsError(f"{text!r} is no age: write 30s, 10min, 2h or 7d")
    return age


def redis_of(redis: str, kafka: str, name: str) -> str:
    """Return the URL of the store of references; empty where `kafka` is another's and none is named."""
    return redis or ("" if kafka else stack_of(name).redis)


def absolute_uri(text: str, base: Path) -> str:
    """Return a URI; a path becomes a file URI, relative to `base`."""
    if _SCHEME.match(text):
        return text
    return (base / Path(text).expanduser()).resolve().as_uri()
