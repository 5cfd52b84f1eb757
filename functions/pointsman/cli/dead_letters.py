"""`dead-letters`: what could not be served, why, and another try."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias

import typer
from google.protobuf.json_format import MessageToDict

from pointsman.cli.options import AsJson, Kafka, Name, age_ms, kafka_of
from pointsman.cli.output import Output
from pointsman.client import letters as room
from pointsman.client.letters import Filter, Replayer
from pointsman.errors import ClientError, SettingsError
from pointsman.pb.v1 import inference_pb2 as pb
from pointsman.wire.replay import origin

dead_letters = typer.Typer(help="Show, send again or delete what could not be served.", no_args_is_help=True)

Model: TypeAlias = Annotated[str, typer.Option("--model", help="Of this model.")]
Version: TypeAlias = Annotated[str, typer.Option("--version", help="Of this version.")]
Code: TypeAlias = Annotated[str, typer.Option("--code", help="With this reason, as in UNAVAILABLE.")]
Since: TypeAlias = Annotated[str, typer.Option("--since", help="Of the last 30s, 10min, 2h, 7d.")]
_SHOWN: Final = 2_000


@dead_letters.callback()
def group() -> None:
    """Show, send again or delete what could not be served."""


@dead_letters.command("list")
def list_letters(
    model: Model = "",
    version: Version = "",
    code: Code = "",
    since: Since = "",
    limit: Annotated[int, typer.Option("-n", min=0, help="The newest so many; 0: all.")] = 50,
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first."""
    out = Output(as_json)
    found = room.letters(kafka_of(kafka, name), _filter(model, version, code, since))
    shown = found[-limit:] if limit else found
    for letter in shown if as_json else ():
        out.record(_summary(letter), "")
    rows = [tuple(_summary(letter).values()) for letter in shown]
    if rows:
        out.table(("id", "model", "version", "when", "reason", "message", "from", "bytes"), rows)
    reasons = Counter(letter.error.code for letter in found)
    counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    out.say(f"{len(found)} dead letters" + (f": {counts}" if counts else ""))


@dead_letters.command()
def show(
    request_id: Annotated[str, typer.Argument(help="Id of the request.")],
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Show a dead letter with its record."""
    out = Output(as_json)
    found = room.letters(kafka_of(kafka, name), Filter(ids=frozenset({request_id})))
    if not found:
        raise ClientError(f"there is no dead letter of a request {request_id!r}")
    letter = found[0]
    value = letter.ingress.value[:_SHOWN].decode(errors="replace")
    said = [f"{field}: {text}" for field, text in _summary(letter).items()]
    headers = [
        f"header {header.key}: {header.value.decode(errors='replace')}" for header in letter.ingress.headers
    ]
    text = "\n".join(
        [*said, *headers, f"key: {letter.ingress.key.decode(errors='replace')}", f"value: {value}"]
    )
    out.record(MessageToDict(letter, preserving_proto_field_name=True), text)


@dead_letters.command()
def replay(
    request_ids: Annotated[
        list[str] | None, typer.Argument(help="Ids; absent: all that the options mean.")
    ] = None,
    model: Model = "",
    version: Version = "",
    code: Code = "",
    since: Since = "",
    anew: Annotated[bool, typer.Option("--anew", help="Decide on the version anew.")] = False,
    rate: Annotated[
        float, typer.Option("--rate", min=0, help="At most so many a second; 0: no limit.")
    ] = 100.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent.")] = False,
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Send the records of dead letters again, under their ids and to the versions decided on."""
    out = Output(as_json)
    address = kafka_of(kafka, name)
    wanted = _filter(model, version, code, since, request_ids or ())
    if wanted == Filter():
        raise SettingsError("say which: ids, --model, --version, --code or --since")
    found = room.letters(address, wanted)
    missing = wanted.ids - {letter.id for letter in found}
    if missing:
        raise ClientError(f"there is no dead letter of a request {min(missing)!r}")
    if dry_run:
        for letter in found:
            out.record(_summary(letter), f"would send {letter.id} to {letter.ingress.topic}")
        out.say(f"{len(found)} records would be sent")
        return
    sent = 0
    for letter, failure in Replayer(address, rate).send(found, anew=anew):
        sent += failure is None
        said = (
            f"sent {letter.id} to {letter.ingress.topic}"
            if failure is None
            else f"{letter.id}: {failure.message}"
        )
        out.record(
            {**_summary(letter), "sent": failure is None, "why_not": failure.message if failure else ""}, said
        )
    out.say(f"{sent} of {len(found)} records were sent")


@dead_letters.command()
def purge(
    older_than: Annotated[str, typer.Option("--older-than", help="Age, as in 7d; 0s deletes all there are.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Delete dead letters by age; Kafka can delete by nothing else."""
    out = Output(as_json)
    before_ms = _now_ms() - age_ms(older_than)
    count = room.purge(kafka_of(kafka, name), before_ms, dry_run=dry_run)
    out.record(
        {"deleted": 0 if dry_run else count, "found": count},
        f"{count} records {'are older' if dry_run else 'deleted'}",
    )


def _filter(model: str, version: str, code: str, since: str, ids: list[str] | tuple[()] = ()) -> Filter:
    since_ms = _now_ms() - age_ms(since) if since else 0
    return Filter(model, version, code.upper(), since_ms, 0, frozenset(ids))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _summary(letter: pb.DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "model": letter.model or "-",
        "version": letter.version or "-",
        "at": datetime.fromtimestamp(letter.at_ms / 1000, UTC).astimezone().isoformat(" ", "seconds"),
        "code": letter.error.code,
        "message": letter.error.message,
        "from": origin(letter.ingress),
        "bytes": letter.value_size,
    }
