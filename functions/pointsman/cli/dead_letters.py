"""`dead-letters`: what could not be served, why, and another try."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import nullcontext
from typing import Annotated, Any, Final, TypeAlias

import typer
from google.protobuf.json_format import MessageToDict
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from pointsman.cli.options import AsJson, Kafka, Name, age_ms, kafka_of, redis_of
from pointsman.cli.output import Output, when
from pointsman.client import letters as room
from pointsman.client.kept import Kept
from pointsman.client.letters import Entry, Filter
from pointsman.client.purge import purge as purge_letters
from pointsman.client.replayer import Replayer
from pointsman.errors import ClientError, SettingsError

dead_letters = typer.Typer(help="Show, send again or delete what could not be served.", no_args_is_help=True)

Ids: TypeAlias = Annotated[
    list[str] | None, typer.Argument(help="Ids; absent: all that the options mean.", show_default=False)
]
Model: TypeAlias = Annotated[str, typer.Option("--model", help="Of this model.")]
Version: TypeAlias = Annotated[str, typer.Option("--version", help="Of this version.")]
Code: TypeAlias = Annotated[str, typer.Option("--code", help="With this reason, as in UNAVAILABLE.")]
Since: TypeAlias = Annotated[str, typer.Option("--since", help="Of the last 30s, 10min, 2h, 7d.")]
Older: TypeAlias = Annotated[str, typer.Option("--older-than", help="Of before that; 0s: until now.")]
Again: TypeAlias = Annotated[bool, typer.Option("--replayed", help="Those that were sent again, too.")]
Redis: TypeAlias = Annotated[
    str,
    typer.Option("--redis", envvar="POINTSMAN_REDIS", help="Store of references; absent: the stack's."),
]
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
    older_than: Older = "",
    replayed: Again = False,
    limit: Annotated[int, typer.Option("-n", min=0, help="The newest so many; 0: all.")] = 50,
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first."""
    out = Output(as_json)
    wanted = _filter(model, version, code, since, older_than, replayed=replayed)
    found = room.letters(kafka_of(kafka, name), wanted)
    shown = [_summary(entry) for entry in (found[-limit:] if limit else found)]
    for summary in shown if as_json else ():
        out.record(summary, "")
    if shown:
        out.table(tuple(shown[0]), (tuple(summary.values()) for summary in shown))
    reasons = Counter(entry.code for entry in found)
    counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    out.say(f"{len(found)} dead letters" + (f": {counts}" if counts else ""))


@dead_letters.command()
def show(
    request_id: Annotated[str, typer.Argument(help="Id of the request.")],
    kafka: Kafka = "",
    name: Name = "",
    redis: Redis = "",
    as_json: AsJson = False,
) -> None:
    """Show a dead letter with its record."""
    out, address = Output(as_json), kafka_of(kafka, name)
    found = _named(address, Filter(ids=frozenset({request_id})))
    for entry, letter in room.whole(address, found[-1:]):
        said = [f"{field}: {text}" for field, text in _summary(entry).items()]
        said += [f"header {head.key}: {_text(head.value)}" for head in letter.ingress.headers]
        said += [f"key: {_text(letter.ingress.key)}", f"value: {_text(letter.ingress.value[:_SHOWN])}"]
        store = _store(redis, kafka, name) if entry.references else None
        if store is not None:
            there = len(entry.references) - len(store.missing(entry.references))
            said.append(f"tensors by reference: {there} of {len(entry.references)} are there")
        out.record(MessageToDict(letter, preserving_proto_field_name=True), "\n".join(said))


@dead_letters.command()
def replay(
    request_ids: Ids = None,
    model: Model = "",
    version: Version = "",
    code: Code = "",
    since: Since = "",
    older_than: Older = "",
    replayed: Again = False,
    anew: Annotated[bool, typer.Option("--anew", help="Decide on the version anew.")] = False,
    rate: Annotated[
        float, typer.Option("--rate", min=0, help="At most so many a second; 0: no limit.")
    ] = 100.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent.")] = False,
    kafka: Kafka = "",
    name: Name = "",
    redis: Redis = "",
    as_json: AsJson = False,
) -> None:
    """Send the records of dead letters again, under their ids and to the versions decided on."""
    out, address = Output(as_json), kafka_of(kafka, name)
    found = _named(address, _chosen(_filter(model, version, code, since, older_than, request_ids, replayed)))
    if dry_run:
        for entry in found:
            out.record(_summary(entry), f"would send {entry.id} ({entry.origin})")
        out.say(f"{len(found)} records would be sent")
        return
    sent, is_shown = 0, not as_json and out.console.is_terminal
    bar = Progress(*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with bar if is_shown else nullcontext():
        task = bar.add_task("sending", total=len(found))
        for entry, failure in Replayer(address, rate, _store(redis, kafka, name)).send(found, anew=anew):
            sent += failure is None
            bar.advance(task)
            why = failure.message if failure else ""
            if as_json or failure or not is_shown:
                text = f"{entry.id}: {why}" if failure else f"sent {entry.id} ({entry.origin})"
                out.record({**_summary(entry), "sent": failure is None, "why_not": why}, text)
    out.say(f"{sent} of {len(found)} records were sent")


@dead_letters.command()
def purge(
    request_ids: Ids = None,
    model: Model = "",
    version: Version = "",
    code: Code = "",
    since: Since = "",
    older_than: Older = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    kafka: Kafka = "",
    name: Name = "",
    redis: Redis = "",
    as_json: AsJson = False,
) -> None:
    """Delete dead letters, those that were sent again too; what Kafka cannot delete yet is hidden."""
    out, address = Output(as_json), kafka_of(kafka, name)
    wanted = _chosen(_filter(model, version, code, since, older_than, request_ids, replayed=True))
    done = purge_letters(address, wanted, dry_run=dry_run)
    store = _store(redis, kafka, name) if done.references and not dry_run else None
    if store is not None:
        store.let_go(done.references)
    would = "would be " if dry_run else ""
    text = f"{len(done.deleted) + len(done.marked)} letters {would}purged"
    if done.marked:
        text += f": {len(done.deleted)} {would}deleted, {len(done.marked)} {would}hidden"
        text += " until those before them are purged or retention deletes them"
    counts = {"deleted": len(done.deleted), "hidden": len(done.marked), "references": len(done.references)}
    out.record({**counts, "dry_run": dry_run}, text)


def _chosen(wanted: Filter) -> Filter:
    """Return the filter. Raises SettingsError where it means every letter there is."""
    if wanted == Filter(replayed=wanted.replayed):
        raise SettingsError("say which: ids, --model, --version, --code, --since or --older-than")
    return wanted


def _named(address: str, wanted: Filter) -> list[Entry]:
    """Return the letters that are meant. Raises ClientError where one that is named is not there."""
    found = room.letters(address, wanted)
    missing = wanted.ids - {entry.id for entry in found}
    if missing:
        raise ClientError(f"there is no dead letter of a request {min(missing)!r}")
    return found


def _store(redis: str, kafka: str, name: str) -> Kept | None:
    """Return the store of references: the one that is named, or that of the stack that is meant."""
    url = redis_of(redis, kafka, name)
    return Kept(url) if url else None


def _filter(
    model: str,
    version: str,
    code: str,
    since: str,
    older_than: str,
    ids: list[str] | None = None,
    replayed: bool = False,
) -> Filter:
    now = time.time_ns() // 1_000_000
    since_ms = now - age_ms(since) if since else 0
    until_ms = now - age_ms(older_than) if older_than else 0
    return Filter(model, version, code.upper(), since_ms, until_ms, frozenset(ids or ()), replayed)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _summary(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "model": entry.model or "-",
        "version": entry.version or "-",
        "at": when(entry.at_ms),
        "code": entry.code,
        "message": entry.message,
        "from": entry.origin,
        "bytes": entry.size,
        "attempts": entry.attempts,
        "replayed": when(entry.replayed_ms) if entry.replayed_ms else "",
    }
