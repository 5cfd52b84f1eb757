from __future__ import annotations

from confluent_kafka import KafkaError

from pointsman.core.table import RouteTable
from pointsman.pod.backlog import Backlog
from pointsman.wire.state import table_to_bytes


class Message:
    """A record, or an event of its partition."""

    def __init__(self, key: str = "", value: bytes | None = None, partition: int = 0, event: int = 0) -> None:
        self._key, self._value, self._partition, self._event = key, value, partition, event

    def error(self) -> KafkaError | None:
        return KafkaError(self._event) if self._event else None

    def partition(self) -> int:
        return self._partition

    def key(self) -> bytes | None:
        return self._key.encode()

    def value(self) -> bytes | None:
        return self._value


def table(model: str, epoch: int) -> Message:
    return Message(model, table_to_bytes(RouteTable(model, epoch)))


def end(partition: int = 0) -> Message:
    return Message(partition=partition, event=KafkaError._PARTITION_EOF)


def epochs(tables: dict[str, RouteTable | None]) -> dict[str, int | None]:
    return {model: None if found is None else found.epoch for model, found in tables.items()}


def test_nothing_is_told_before_the_end_was_reached() -> None:
    backlog = Backlog([0])
    assert backlog.take([table("a", 1), table("a", 2)]) == {}
    assert not backlog.is_read
    assert epochs(backlog.take([table("b", 1), Message("c"), end()])) == {"a": 2, "b": 1, "c": None}
    assert backlog.is_read


def test_every_partition_counts() -> None:
    backlog = Backlog([0, 1])
    assert backlog.take([table("a", 1), end(0)]) == {}
    assert epochs(backlog.take([end(1)])) == {"a": 1}


def test_afterwards_each_read_tells_the_newest() -> None:
    backlog = Backlog([0])
    backlog.take([end()])
    assert epochs(backlog.take([table("a", 3), table("a", 4)])) == {"a": 4}
    assert backlog.take([]) == {}
    assert epochs(backlog.take([Message("a"), end()])) == {"a": None}


def test_an_unreadable_table_or_an_error_leaves_the_others() -> None:
    backlog = Backlog([0])
    broken = [Message("a", b"\xff\xff"), Message(event=KafkaError._TRANSPORT), table("b", 1), end()]
    assert epochs(backlog.take(broken)) == {"b": 1}
