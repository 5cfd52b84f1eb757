"""`python -m benchmarks.shifts`: change weights of an idle or flooded model, and time the last old answer."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.stream import models
from benchmarks.stream.generator import PATIENCE_S, Generator, Traffic, finish
from benchmarks.stream.publication import publish
from benchmarks.stream.run import BUILD
from pointsman import topics
from pointsman.client import Client
from pointsman.core.partition import partition_of
from pointsman.errors import StackError
from pointsman.localstack.stack import Stack
from pointsman.pb.v1 import inference_pb2 as pb

INFLIGHT: Final = (1, 4_000, 20_000, 60_000)
FIRST_S: Final = 10.0  # for the compilers of the JVMs
BEFORE_S, AFTER_S = 3.0, 3.0


async def shift(
    client: Client, generator: Generator, traffic: Traffic, inflight: int
) -> tuple[int, int, int]:
    """Change weights under load; return milliseconds to the acknowledgement and to the last old answer.

    The third number is how many old answers were written after the command had been sent.
    """
    load = generator.start(traffic, inflight, 0, BEFORE_S + AFTER_S)
    await asyncio.sleep(BEFORE_S)
    weights = {"1": INFLIGHT.index(inflight) + 1, "2": 1}
    sent_ms = time.time() * 1000
    ack = await client.control({"model": models.MODEL, "split": weights}, timeout=60)
    acknowledged_ms = time.time() * 1000
    if not ack.ok:
        raise StackError(f"the command was refused: {ack.error}")
    await asyncio.to_thread(finish, load, BEFORE_S + AFTER_S + PATIENCE_S)
    old = await asyncio.to_thread(old_answers, generator.kafka, traffic.reply_key, int(sent_ms), ack.epoch)
    return round(acknowledged_ms - sent_ms), round(max([sent_ms, *old]) - sent_ms), len(old)


def old_answers(kafka: str, reply_key: str, since_ms: int, epoch: int) -> list[int]:
    """Return when the answers of earlier epochs were written, in milliseconds, of those since then."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "shifts", "enable.auto.commit": False})
    try:
        count = len(consumer.list_topics(topics.RESPONSES).topics[topics.RESPONSES].partitions)
        place = TopicPartition(topics.RESPONSES, partition_of(reply_key.encode(), count), since_ms)
        end = consumer.get_watermark_offsets(place)[1]
        consumer.assign(consumer.offsets_for_times([place]))
        found: list[int] = []
        while True:
            for message in consumer.consume(5_000, 1.0):
                response: Any = pb.InferenceResponse.FromString(message.value())
                if response.model == models.MODEL and response.epoch < epoch:
                    found.append(message.timestamp()[1])
                if message.offset() >= end - 1:
                    return found
    finally:
        consumer.close()


async def measure(folder: Path) -> Table:
    """Start a stack and return the table."""
    traffic = models.traffic(models.MODEL, payload=models.body(folder / "request.bin"))
    table = Table("in flight", "command acknowledged, ms", "last old answer, ms", "old answers after it")
    async with Stack(folder / "stack") as stack:
        await publish(stack.kafka, models.specs(folder)[:1])
        generator = Generator(stack.kafka, BUILD)
        await asyncio.to_thread(generator.run, traffic, INFLIGHT[1], 0, FIRST_S)
        async with Client(stack.kafka) as client:
            for inflight in INFLIGHT:
                took = await shift(client, generator, traffic, inflight)
                table.add_row(f"{inflight:,}", *(f"{number:,}" for number in took))
    return table


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
        Console().print(asyncio.run(measure(Path(folder))))


if __name__ == "__main__":
    main()
