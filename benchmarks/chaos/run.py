"""One run: a stack, a steady load, faults by chance, and the ledger in the end."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.chaos import disk, faults, load
from benchmarks.chaos.awaited import PATIENCE_S, awaited
from benchmarks.chaos.proxy import Proxy
from benchmarks.chaos.release import Releases
from benchmarks.chaos.report import Blow, Result
from benchmarks.chaos.scene import Scene, publish
from pointsman.client import Client
from pointsman.errors import PointsmanError
from pointsman.localstack.pools import Pools
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings
from pointsman.testing.ledger import Ledger

BETWEEN_S: Final = (0.5, 3.0)
WORKERS: Final = 2  # of the router and of each pod: one is away while it is replaced
LONG_RUN_S: Final = 1_200.0

Say = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True):
    """For how long, how many requests a second, and which faults: those whose name has `only` in it.

    Every kind of fault comes at least once, and `faults` in all, however short the time. The same seed gives
    the same faults.
    """

    seconds: float
    rate: float = 200.0
    seed: int = 0
    only: str = ""
    faults: int = 0


def run(folder: Path, plan: Plan, say: Say) -> Result:
    """Return what became of every accepted request while the parts of a stack were struck."""
    chance = random.Random(plan.seed)
    releases = Releases(folder)
    settings = Settings(workers=WORKERS)
    with (
        disk.small(folder / "stack" / "checkpoints"),
        importable(releases.path),
        Stack(folder / "stack", pods=(f"default:{WORKERS}",), settings=settings) as stack,
        Proxy(stack.record.pools["default"], chance) as proxy,
    ):
        Pools(stack.home.pools).enter({"default": proxy.address})
        asyncio.run(_publish(stack.kafka, folder))
        with Ledger(stack.kafka) as ledger:
            work = load.Load(ledger, plan.rate)
            scene = Scene(stack, proxy, releases, ledger, work)
            work.start()
            try:
                awaited(lambda: ledger.finals or None, "no first answer")
                blows = _blows(scene, plan, chance, say)
            finally:
                work.stop()
            ledger.wait(PATIENCE_S)
            return _result(scene, plan, blows)


def _blows(scene: Scene, plan: Plan, chance: random.Random, say: Say) -> list[Blow]:
    """Strike until the time is over, deck after deck, the first of them to its end.

    A stack that two blows in a row leave stuck is struck no more.
    """
    end = time.monotonic() + plan.seconds
    waiting = _deck(plan, chance)
    if plan.seconds >= LONG_RUN_S:
        waiting.insert(0, faults.Away("pod-default", faults.LONG_AWAY_S))
    blows: list[Blow] = []
    least, before = max(len(waiting), plan.faults), 0
    while len(blows) < least or time.monotonic() < end:
        waiting = waiting or _deck(plan, chance)
        blow = struck(scene, waiting.pop(0))
        time.sleep(chance.uniform(*BETWEEN_S))  # copies of an answer may come after the first one
        blow.repeats, before = scene.ledger.repeats - before, scene.ledger.repeats
        blows.append(blow)
        say(_line(len(blows), blow, scene, end))
        if all(one.stuck for one in blows[-2:]) and len(blows) > 1:
            break
    return blows


def _deck(plan: Plan, chance: random.Random) -> list[faults.Fault]:
    return [fault for fault in faults.deck(chance) if plan.only in fault.name]


def _line(number: int, blow: Blow, scene: Scene, end: float) -> str:
    under_way, left = len(scene.ledger.missing()), max(0.0, end - time.monotonic())
    told = f"first answer after {blow.seconds:5.2f} s, all models {blow.all_seconds:5.2f} s"
    return (
        f"{number:4d} {blow.name:<32} {told}, {blow.repeats:,} repeats; "
        f"{under_way:,} under way, {left:.0f} s left{blow.stuck and ': '}{blow.stuck}"
    )


def struck(scene: Scene, fault: faults.Fault) -> Blow:
    """Strike, and return when each model answers what was sent after the blow and all parts are back."""
    begun = since = faults.now()
    try:
        since = fault.strike(scene)
        first_ms = since.answered_ms or scene.until_answer(since.gone_ms or since.at_ms)
        last_ms = max(scene.until_answer(since.at_ms, prefix=f"{model}-") for model in load.MODELS)
        scene.stack.wait_ready(PATIENCE_S)
    except (TimeoutError, PointsmanError) as error:
        waited = (faults.now().at_ms - since.at_ms) / 1000
        return Blow(fault.name, begun.at_ms, waited, waited, stuck=str(error))
    first, last = ((ms - since.at_ms) / 1000 for ms in (first_ms, max(first_ms, last_ms)))
    return Blow(fault.name, begun.at_ms, first, last)


def _result(scene: Scene, plan: Plan, blows: list[Blow]) -> Result:
    lost = sorted(scene.ledger.missing())
    wrong = sorted(set(scene.work.wrong()) - set(lost))
    begins = [blow.at_ms for blow in blows]
    for ids, kind in ((lost, "lost"), (wrong, "wrong")):
        for request_id in ids:
            blow = blows[max(0, bisect_right(begins, scene.work.sent_ms[request_id]) - 1)]
            setattr(blow, kind, getattr(blow, kind) + 1)
    return Result(
        seed=plan.seed,
        blows=blows,
        accepted=len(scene.ledger.accepted),
        lost=lost,
        wrong=wrong,
        repeats=scene.ledger.repeats,
        restarts=scene.stack.restarts() or 0,
        spoilt=scene.proxy.hits,
        seconds=(faults.now().at_ms - begins[0]) / 1000,
    )


async def _publish(kafka: str, folder: Path) -> None:
    for spec in load.specs(folder):
        await publish(kafka, spec)
        async with Client(kafka) as client:
            for version in spec["versions"]:
                await client.predict(spec["model"], {"x": load.row(1)}, version=version, timeout=PATIENCE_S)


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Let the processes of the stack import what this process can, and what the folders hold before that."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [*map(str, folders), *sys.path, before]))
    try:
        yield
    finally:
        os.environ["PYTHONPATH"] = before
