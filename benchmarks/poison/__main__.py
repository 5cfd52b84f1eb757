"""`python -m benchmarks.poison [--poison N]`: poison 1:10 in traffic; status 1 if anything else suffers.

A pod of two workers serves a torch model that its requests can kill, and an innocent one.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table
from safetensors.numpy import save_file

from benchmarks.chaos.run import importable
from benchmarks.poison.traffic import INNOCENT, KILLING, MODEL, Record, row, traffic
from pointsman.client import Client
from pointsman.errors import DEADLINE_EXCEEDED, INTERNAL, Failure
from pointsman.localstack.stack import Stack
from pointsman.settings import Settings
from pointsman.testing.ledger import Ledger
from pointsman.wire.tensors import array_from_pb

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "poison.json"
COMPUTE_TIMEOUT_MS: Final = 2_000
PATIENCE_S: Final = 300.0


class Result(msgspec.Struct, frozen=True):
    """`wrong` are good requests without their answer, and poison without the failure it should get.

    The longest wait is that of a good request of each model, in seconds.
    """

    accepted: int
    poison: dict[str, int]
    lost: int
    wrong: list[str]
    refused: int
    letters: int
    job_restarts: int
    worker_deaths: int
    process_deaths: int
    seconds: float
    longest_wait_s: dict[str, float]


def run(folder: Path, poison: int, rate: float, chance: random.Random) -> Result:
    """Send everything at a steady rate and wait for the last answer."""
    settings = Settings(compute_timeout_ms=COMPUTE_TIMEOUT_MS)
    with importable(), Stack(folder / "stack", pods=("default:2",), settings=settings) as stack:
        asyncio.run(_publish(stack.kafka, folder))
        with Ledger(stack.kafka) as ledger:
            records, sent_ms, began = traffic(poison, chance), dict[str, int](), time.monotonic()
            for number, record in enumerate(records):
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
                sent_ms[record.id] = time.time_ns() // 1_000_000
                ledger.send(record.id, record.value, key=record.key, topic=record.topic)
            ledger.wait(PATIENCE_S)
            seconds = time.monotonic() - began
            log = (stack.home.logs / "pod-default.log").read_text()
            good = {record.id: record.key for record in records if not record.poison}
            waits = {(good[i], ledger.finals[i].written_ms - sent_ms[i]) for i in good if i in ledger.finals}
            return Result(
                accepted=len(ledger.accepted),
                poison=_kinds(records),
                lost=len(ledger.missing()),
                wrong=[record.id for record in records if record.id and not _is_right(record, ledger)],
                refused=sum(1 for final in ledger.finals.values() if final.error),
                letters=len(ledger.letters),
                job_restarts=stack.restarts() or 0,
                worker_deaths=log.count("the worker ended with"),
                process_deaths=log.count("and is replaced"),
                seconds=seconds,
                longest_wait_s={
                    model: max(wait for key, wait in waits if key == model.encode()) / 1000
                    for model in (MODEL, INNOCENT)
                },
            )


def _kinds(records: list[Record]) -> dict[str, int]:
    kinds = [record.poison for record in records if record.poison]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _is_right(record: Record, ledger: Ledger) -> bool:
    final = ledger.finals.get(record.id)
    if final is None:
        return False
    if record.poison in KILLING:
        return final.error == (DEADLINE_EXCEEDED if record.poison in ("seize", "hang") else INTERNAL)
    if record.poison:
        return bool(final.error)
    array = None if final.error else array_from_pb(final.outputs["y"])
    wanted = row(int(record.id.removeprefix("good-")))
    return array is not None and not isinstance(array, Failure) and np.array_equal(array, wanted)


async def _publish(kafka: str, folder: Path) -> None:
    path = folder / "one.safetensors"
    save_file({"weight": np.eye(4, dtype=np.float32)}, path)
    versions: dict[str, dict[str, Any]] = {
        MODEL: {"uri": path.as_uri(), "factory": "benchmarks.poison.models:perilous"},
        INNOCENT: {"uri": path.as_uri(), "factory": "benchmarks.chaos.models:linear"},
    }
    async with Client(kafka) as client:
        for model, version in versions.items():
            await client.apply({"model": model, "versions": {"1": version}, "route": {"split": {"1": 1}}})
            await client.predict(model, {"x": row(1)}, timeout=120)


def _show(result: Result, console: Console) -> None:
    table = Table("what", "figure", title="poison 1:10 in traffic")
    for name, value in msgspec.to_builtins(result).items():
        shown = ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else value
        table.add_row(name.replace("_", " "), str(shown))
    console.print(table)


def main() -> None:
    """Run, print the table, write the result."""
    parser = argparse.ArgumentParser(description="Poison of every kind; only it may be refused.")
    parser.add_argument("--poison", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=200.0, help="records per second")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pointsman-poison-") as folder:
        result = run(Path(folder), arguments.poison, arguments.rate, random.Random(arguments.seed))
    _show(result, Console())
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    sys.exit(1 if result.lost or result.wrong or result.job_restarts else 0)


if __name__ == "__main__":
    main()
