"""`python -m benchmarks.isolation [--waiting N]`: a flood beside 20 models; status 1 if a goal is missed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, TopicPartition
from rich.console import Console

from benchmarks import sheet
from benchmarks.beside import sampled
from benchmarks.isolation import report
from benchmarks.isolation.report import PHASES, Memory, Result
from benchmarks.stream import machine, models, processes
from benchmarks.stream.bench import stamp
from benchmarks.stream.generator import Generator, Opened, Traffic
from benchmarks.stream.publication import publish
from benchmarks.stream.report import MARKDOWN
from benchmarks.stream.run import BUILD
from pointsman import topics
from pointsman.core.partition import partition_of
from pointsman.localstack.stack import Stack
from pointsman.pb.v1 import inference_pb2 as pb

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "isolation.json"
WAITING: Final = 2_000_000
FLOOD_S: Final = 100
QUIET_S, AFTER_S, SAMPLE_S = 30, 60, 2.0
WARMUP_S: Final = 20.0
# Requests a second: to 20 small models in the stream and with somebody waiting, and such to the flooded one.
STREAM, PEOPLE, SLOW = 750.0, 250.0, 10.0
# As a person who waits has it.
DEADLINE_MS: Final = 1_000


def others(folder: Path) -> Mapping[str, tuple[Traffic, float]]:
    """Return the traffic beside the flood, and its rates."""
    stream = models.body(folder / "stream.bin")
    someone = models.body(folder / "interactive.bin", lane=pb.LANE_INTERACTIVE, timeout_ms=DEADLINE_MS)

    people = partial(models.traffic, payload=someone, source=topics.INTERACTIVE)
    return {
        "small models, stream": (models.traffic(*models.SMALL, payload=stream, reply_key="small"), STREAM),
        "small models, interactive": (people(*models.SMALL, reply_key="people"), PEOPLE),
        "flooded model, interactive": (people(models.SLOW, reply_key="patient"), SLOW),
    }


async def measure(folder: Path, waiting: int) -> Result:
    """Send the others' traffic all the time, and after a while the flood."""
    flood = models.traffic(models.SLOW, payload=models.body(folder / "flood.bin"), reply_key="flood")
    flood_s = max(1, round(FLOOD_S * waiting / WAITING))
    seconds = dict(zip(PHASES, (QUIET_S, flood_s, AFTER_S), strict=True))
    async with Stack(folder / "stack") as stack:
        await publish(stack.kafka, models.specs(folder)[1:])
        generator = Generator(stack.kafka, BUILD)
        beside = others(folder)
        small = beside["small models, stream"][0]
        await asyncio.to_thread(generator.run, small, 50, WARMUP_S, 1.0)
        began = time.monotonic()
        async with sampled(partial(_memory, stack), SAMPLE_S) as samples, asyncio.TaskGroup() as group:
            steady = [
                group.create_task(_steady(generator, traffic, rate, list(seconds.values())))
                for traffic, rate in beside.values()
            ]
            group.create_task(_flood(generator, flood, QUIET_S, waiting / flood_s, flood_s))
        return Result(
            waiting=waiting,
            answered=_end(stack.kafka, flood.reply_key),
            seconds=seconds,
            others=dict(zip(beside, [task.result() for task in steady], strict=True)),
            memory=[Memory(one.at_s - began, one.mib) for one in samples],
            restarts=stack.restarts(),
            machine=machine.facts(),
            at=stamp(),
        )


async def _steady(generator: Generator, traffic: Traffic, rate: float, seconds: Sequence[int]) -> Opened:
    phases = [(rate, length) for length in seconds]
    return await asyncio.to_thread(generator.run_open, traffic, phases, DEADLINE_MS / 1000)


async def _flood(generator: Generator, traffic: Traffic, begin_s: float, rate: float, seconds: int) -> None:
    await asyncio.sleep(begin_s)
    await asyncio.to_thread(generator.send, traffic, rate, seconds)


def _memory(stack: Stack) -> Memory:
    return Memory(time.monotonic(), processes.memory_mib(stack.record.children))


def _end(kafka: str, reply_key: str) -> int:
    """Return how many records the partition of a reply key has."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "bench"})
    try:
        count = len(consumer.list_topics(topics.RESPONSES, 10).topics[topics.RESPONSES].partitions)
        place = TopicPartition(topics.RESPONSES, partition_of(reply_key.encode(), count))
        return int(consumer.get_watermark_offsets(place, 10)[1])
    finally:
        consumer.close()


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="A flood of one slow model beside the traffic of others.")
    parser.add_argument(
        "--waiting", type=int, default=WAITING, help=f"requests; less than {WAITING:,} writes no file"
    )
    waiting = parser.parse_args().waiting
    console = Console()
    with tempfile.TemporaryDirectory(prefix="pointsman-isolation-") as folder:
        result = asyncio.run(measure(Path(folder), waiting))
    told = report.sheet(result)
    told.show(console)
    if waiting >= WAITING:
        sheet.keep(result, RESULTS)
        told.publish(MARKDOWN)
    sys.exit(0 if result.is_met else 1)


if __name__ == "__main__":
    main()
