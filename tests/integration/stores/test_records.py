"""A partition of a real broker is read again, from where it is asked for."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pointsman.localstack.kafka import Broker
from pointsman.localstack.topics import create
from pointsman.stores.records import Cursor, Stretch
from pointsman.topics import Topic

COUNT = 2_000


def every_third(message: Message) -> bytes | None:
    """Look for every third record."""
    value: bytes = message.value()
    return value if int(value) % 3 == 0 else None


@pytest.fixture
def topic(kafka: str) -> str:
    """Return a topic of one partition with COUNT records, each its own offset."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    create(kafka, [Topic(name, 1, -1, 1 << 20)])
    producer = Producer({"bootstrap.servers": kafka})
    for offset in range(COUNT):
        producer.produce(name, str(offset).encode(), partition=0)
    producer.flush()
    return name


@pytest.fixture
def cursor(kafka: str, topic: str) -> Iterator[Cursor]:
    """Yield a cursor that looks for every third record."""
    made = Cursor(kafka, topic, 0, every_third)
    yield made
    made.close()


def read(cursor: Cursor, start: int, end: int, records: int = 10_000, size: int = 1 << 20) -> Stretch:
    return cursor.read(start, end, records, size, 20)


def offsets(stretch: Stretch) -> list[int]:
    assert all(str(one.offset).encode() == one.value for one in stretch.found)
    return [one.offset for one in stretch.found]


def test_all_that_is_looked_for_is_found_in_order_and_nothing_else(cursor: Cursor) -> None:
    stretch = read(cursor, 5, COUNT)
    assert (offsets(stretch), stretch.next, stretch.lost) == (list(range(6, COUNT, 3)), COUNT, 0)


def test_piece_by_piece_gives_the_same(cursor: Cursor) -> None:
    found, start = [], 0
    while start < COUNT:
        stretch = read(cursor, start, COUNT, records=50)
        found += offsets(stretch)
        start = stretch.next
    assert found == list(range(0, COUNT, 3))


def test_a_reading_made_again_gives_the_same(cursor: Cursor) -> None:
    first = read(cursor, 300, 900, records=20)
    read(cursor, first.next, 900)
    assert read(cursor, 300, 900, records=20) == first


def test_the_end_grows(cursor: Cursor) -> None:
    assert offsets(read(cursor, 0, 100))[-1] == 99
    stretch = read(cursor, 100, 200)
    assert (offsets(stretch)[0], offsets(stretch)[-1], stretch.next >= 200) == (102, 198, True)


def test_bytes_end_a_reading_but_never_before_its_first_record(cursor: Cursor) -> None:
    assert offsets(read(cursor, 999, COUNT, size=1)) == [999]
    assert offsets(read(cursor, 1_000, COUNT, size=9)) == [1_002, 1_005]


def test_what_the_topic_has_dropped_is_counted(kafka: str, topic: str, cursor: Cursor) -> None:
    place = TopicPartition(topic, 0, 600)
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.delete_records([place])[place].result(20)
    stretch = read(cursor, 300, 903)
    assert (offsets(stretch)[0], stretch.lost) == (600, 300)
    gone = read(cursor, 0, 300)
    assert (gone.found, gone.next, gone.lost) == ([], 300, 300)


def test_a_broker_that_stood_still_until_nobody_led_the_partition_is_read_once_it_serves(
    broker: Broker, topic: str
) -> None:
    os.kill(broker.pid, signal.SIGSTOP)
    time.sleep(5)  # the fault itself: longer than the broker's session
    cursor = Cursor(broker.address, topic, 0, every_third)
    os.kill(broker.pid, signal.SIGCONT)
    try:
        stretch, until = None, time.monotonic() + 30
        while stretch is None and time.monotonic() < until:
            with contextlib.suppress(KafkaException):
                stretch = read(cursor, 0, COUNT)
        assert stretch is not None
        assert offsets(stretch) == list(range(0, COUNT, 3))
    finally:
        cursor.close()


def test_a_broker_that_is_away_is_an_error_and_no_end() -> None:
    away = Cursor("127.0.0.1:1", "t", 0, every_third)
    try:
        with pytest.raises(KafkaException):
            read(away, 0, 10)
    finally:
        away.close()
