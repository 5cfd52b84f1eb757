"""A savepoint: how one is taken, and what it says of itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Set
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pointsman import __version__
from pointsman.errors import StackError
from pointsman.localstack.job import Job

METADATA: Final = "_metadata"
_LABEL: Final = "pointsman.json"
POLL_S: Final = 0.1


class Label(msgspec.Struct):
    """What lies beside Flink's files: `cluster` is the id of the Kafka whose offsets the savepoint holds."""

    cluster: str
    at_ms: int
    release: str = __version__


async def take(
    job: Job, kafka: str, folder: Path, *, cancel: bool, within_s: float, has_ended: Callable[[], bool]
) -> Path:
    """Take a savepoint below `folder` and return its path; with `cancel` the job ends with it.

    The job's process, of which `has_ended` tells, ends with a job that is cancelled, and on a busy machine
    it does so before anyone has asked it where the savepoint is. Raises StackError where none can be taken,
    or not in time.
    """
    before = await asyncio.to_thread(_make, folder)
    asked = await asyncio.to_thread(job.begin_savepoint, folder, cancel=cancel)
    limit = time.monotonic() + within_s
    while (path := await asyncio.to_thread(job.savepoint, asked)) is None:
        if has_ended():
            path = await asyncio.to_thread(_left_behind, folder, asked.prefix, before) if cancel else None
            if path is None:
                raise StackError("the engine ended before the savepoint was done")
            break
        if time.monotonic() > limit:
            raise StackError(
                f"the savepoint is not done after {within_s:g} s; a slow model's calls hold it up"
            )
        await asyncio.sleep(POLL_S)
    await asyncio.to_thread(_label, path, kafka)
    return path


def _left_behind(folder: Path, prefix: str, before: Set[Path]) -> Path | None:
    """Return the whole savepoint that has come since `before`."""
    came = sorted(set(folder.glob(f"{prefix}*")) - before)
    return next((path for path in came if (path / METADATA).is_file()), None)


def find(text: str) -> Path:
    """Return the folder of a savepoint, or of a checkpoint. Raises StackError where there is none."""
    path = Path(text.removeprefix("file://")).expanduser().absolute()
    if not (path / METADATA).is_file():
        inside = sorted(path.glob(f"*/{METADATA}"))
        hint = f"; did you mean {inside[-1].parent}?" if inside else ""
        raise StackError(f"there is no savepoint in {path}: it holds no {METADATA}{hint}")
    return path


def check(path: Path, kafka: str) -> None:
    """Raise StackError where a savepoint belongs to another Kafka; one without a label is taken as it is."""
    try:
        label = msgspec.json.decode((path / _LABEL).read_bytes(), type=Label)
    except (OSError, msgspec.MsgspecError):
        return
    cluster = cluster_of(kafka)
    if label.cluster != cluster:
        raise StackError(
            f"the savepoint in {path} is of another stack: it holds the offsets of Kafka {label.cluster}, "
            f"this one is {cluster}"
        )


def _make(folder: Path) -> set[Path]:
    """Make the folder where it is not there; return what is in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return set(folder.iterdir())
    except OSError as error:
        raise StackError(f"{folder} cannot be written: {error.strerror}") from error


def _label(path: Path, kafka: str) -> None:
    label = Label(cluster_of(kafka), time.time_ns() // 1_000_000)
    try:
        (path / _LABEL).write_bytes(msgspec.json.encode(label))
    except OSError as error:
        raise StackError(f"{path} cannot be written: {error.strerror}") from error


def cluster_of(kafka: str) -> str:
    """Return the id of a Kafka cluster. Raises StackError where it does not answer."""
    try:
        return str(
            AdminClient({"bootstrap.servers": kafka, "log_level": 0}).list_topics(timeout=10).cluster_id
        )
    except KafkaException as error:
        raise StackError(f"Kafka does not answer: {error.args[0].str()}") from error
