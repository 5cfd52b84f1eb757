"""One run: register, rest, ask and steer, and let the pod die."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.beside import beside, sampled
from benchmarks.stream import machine, processes
from benchmarks.stream.bench import stamp
from benchmarks.stream.models import WIDTH
from benchmarks.zoo.models import BYTES, STEERED, Zipf, name, specs
from benchmarks.zoo.report import Change, Result
from pointsman.client import Client
from pointsman.client.catalogue import read_catalogue
from pointsman.client.holdings import Holdings, read_holdings
from pointsman.core.table import VersionState
from pointsman.errors import PointsmanError, Refused
from pointsman.localstack.assembly import Plan
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings

POD: Final = "pod-default"
PATIENCE_S: Final = 30.0
APPLIED_AT_ONCE: Final = 16
SETTLE_S, IDLE_S, STEER_S, PROBE_S = 20.0, 30.0, 0.5, 0.01
ROW: Final = {"x": np.linspace(-1, 1, WIDTH, dtype="<f4").reshape(1, WIDTH)}


async def measure(folder: Path, count: int, rate: float, seconds: float) -> Result:
    """Return what became of `count` models in memory for a tenth of them, asked `rate` times a second."""
    described, cache = specs(folder, count), BYTES * count // 10
    plan = Plan(settings=Settings(cache_bytes=cache))
    async with Stack(folder / "stack", plan=plan) as stack, Client(stack.kafka) as client:
        began = time.monotonic()
        await _register(client, described)
        await _ready(stack.kafka, count + STEERED)
        registered_s = time.monotonic() - began
        idle = await _idle(stack)
        before = await _held(stack)
        zoo, traffic = Zipf(count), _Traffic(client)
        async with sampled(lambda: _own_mib(stack.record.children[POD].pid), 2.0) as mib:
            changes = await _ask_and_steer(client, zoo, traffic, rate, seconds)
        after = await _held(stack)
        return Result(
            models=count,
            seconds=seconds,
            cache_bytes=cache,
            peak_bytes=max(pod.peak for pod in after.pods.values()),
            registered_s=registered_s,
            idle=idle,
            sent=traffic.sent,
            latencies_ms=sorted(traffic.latencies_ms),
            failed=traffic.failed,
            loads=_loads(after) - _loads(before),
            loads_ms=sorted(one.load_ms for one in after.versions if one.loads > 1),
            changes=changes,
            memory_mib=(mib[0], max(mib)),
            back_s=await _back(stack, client, zoo),
            restarts=stack.restarts(),
            machine=machine.facts(),
            at=stamp(),
        )


class _Traffic:
    """Requests on their way and what became of them."""

    def __init__(self, client: Client) -> None:
        self.sent = 0
        self.latencies_ms: list[float] = []
        self.failed: list[str] = []
        self._client = client

    async def ask(self, model: str) -> None:
        """Ask a model once."""
        self.sent += 1
        began = time.monotonic()
        try:
            await self._client.predict(model, ROW, timeout=PATIENCE_S)
        except PointsmanError as error:
            self.failed.append(f"{model}: {error}")
        else:
            self.latencies_ms.append((time.monotonic() - began) * 1000)


async def _register(client: Client, described: list[dict[str, Any]]) -> None:
    gate = asyncio.Semaphore(APPLIED_AT_ONCE)

    async def apply(spec: dict[str, Any]) -> None:
        async with gate:
            await client.apply(spec, timeout=PATIENCE_S)

    await asyncio.gather(*map(apply, described))


async def _ready(kafka: str, count: int) -> None:
    ready = 0
    while ready < count:
        tables = await asyncio.to_thread(read_catalogue, kafka)
        states = [entry.state for table in tables.values() for entry in table.versions.values()]
        ready = states.count(VersionState.READY)
        await asyncio.sleep(0.5)


async def _idle(stack: Stack) -> Mapping[str, float]:
    """Return the share of a core that each process takes where nothing is asked."""
    await asyncio.sleep(SETTLE_S)
    account = processes.Account({name: child.pid for name, child in stack.record.children.items()})
    await asyncio.sleep(IDLE_S)
    return {name: spent / IDLE_S for name, spent in account.spent().items()}


def _own_mib(pid: int) -> float:
    """Return the memory that a process and those below it share with nobody, in MiB."""
    return sum(map(processes.own_bytes, processes.tree(pid))) / 2**20


async def _held(stack: Stack) -> Holdings:
    return await asyncio.to_thread(read_holdings, stack.kafka, time.time_ns() // 1_000_000)


def _loads(holdings: Holdings) -> int:
    return sum(one.loads for one in holdings.versions)


async def _ask_and_steer(
    client: Client, zoo: Zipf, traffic: _Traffic, rate: float, seconds: float
) -> list[Change]:
    changes: list[Change] = []
    async with beside(_steer(client, changes)), asyncio.TaskGroup() as group:
        due = time.monotonic()
        end = due + seconds
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(traffic.ask(zoo.draw()))
            due += zoo.pause(rate)
    return changes


async def _steer(client: Client, changes: list[Change]) -> None:
    """Move the traffic of one model after the other to its other version, for ever."""
    turn = 0
    while True:
        model, to = name(turn % STEERED), "12"[(turn // STEERED + 1) % 2]
        changes.append(await _changed(client, model, to))
        turn += 1
        await asyncio.sleep(STEER_S)


async def _changed(client: Client, model: str, to: str) -> Change:
    """Move the traffic of a model; return when that was acknowledged, and seen in an answer."""
    began = time.monotonic()

    async def acknowledged() -> float:
        ack = await client.control({"model": model, "split": {to: 1}}, timeout=PATIENCE_S)
        if ack.error is not None:
            raise Refused(ack.error)
        return (time.monotonic() - began) * 1000

    command, asked = asyncio.create_task(acknowledged()), 1
    while (await client.predict(model, ROW, timeout=PATIENCE_S)).version != to:
        await asyncio.sleep(PROBE_S)
        asked += 1
    seen_ms = (time.monotonic() - began) * 1000
    return Change(await command, seen_ms, asked)


async def _back(stack: Stack, client: Client, zoo: Zipf) -> float:
    """Return how long after the death of the pod its most asked model answers again."""
    began = time.monotonic()
    await asyncio.to_thread(stack.kill, POD)
    await client.predict(zoo.first, ROW, timeout=2 * PATIENCE_S)
    return time.monotonic() - began
