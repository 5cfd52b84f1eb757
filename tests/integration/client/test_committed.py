"""What readers see of records that are written in transactions."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from pointsman import topics
from pointsman.client.inbox import Inbox
from pointsman.client.reader import Reader
from pointsman.errors import StackError
from pointsman.localstack import topics as topic_creation
from pointsman.localstack.topics import check_transactions

TOPIC = topics.EVENTS  # of one partition


@pytest.fixture
def producer(kafka: str) -> Producer:
    made = Producer({"bootstrap.servers": kafka, "transactional.id": uuid.uuid4().hex})
    made.init_transactions(30)
    return made


def write(producer: Producer, *values: bytes) -> None:
    producer.begin_transaction()
    for value in values:
        producer.produce(TOPIC, value)
    producer.flush(30)


def test_a_reader_of_committed_records_sees_none_that_was_taken_back(kafka: str, producer: Producer) -> None:
    write(producer, b"taken back")
    producer.abort_transaction(30)
    write(producer, b"kept")
    producer.commit_transaction(30)
    with Reader(kafka, TOPIC, committed=True) as committed, Reader(kafka, TOPIC) as all_of_it:
        assert [message.value() for message in committed.to_end()] == [b"kept"]
        assert [message.value() for message in all_of_it.to_end()] == [b"taken back", b"kept"]


def test_an_inbox_waits_for_a_commit_only_where_it_is_told_to(kafka: str, producer: Producer) -> None:
    async def run() -> None:
        early: list[bytes] = []
        late: list[bytes] = []
        inboxes = (Inbox(kafka, TOPIC, early.extend), Inbox(kafka, TOPIC, late.extend, committed=True))
        for inbox in inboxes:
            await inbox.open()
        try:
            await asyncio.to_thread(write, producer, b"answer")
            await until(lambda: early == [b"answer"])
            assert late == []
            await asyncio.to_thread(producer.commit_transaction, 30)
            await until(lambda: late == [b"answer"])
        finally:
            for inbox in inboxes:
                await inbox.close()

    asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit
        await asyncio.sleep(0.02)


def test_our_broker_allows_transactions_as_long_as_the_egress_wants_them(kafka: str) -> None:
    check_transactions(kafka)


def test_a_broker_that_allows_shorter_ones_only_is_refused_before_the_job_starts(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_creation, "TRANSACTION_MS", topics.TRANSACTION_MS + 1)
    with pytest.raises(StackError, match=r"transaction\.max\.timeout\.ms=604800000"):
        check_transactions(kafka)
