"""The demo: from nothing to an experiment between two versions of a model, on real handwritten digits.

`make demo`, or `python examples/demo.py`. It leaves the stack up; `pointsman down` stops it.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from pointsman.client import Client, Prediction
from pointsman.errors import PointsmanError
from pointsman.localstack import home, record
from pointsman_examples import data, wine
from pointsman_examples.ledger import Ledger
from pointsman_examples.stream import Labelled, Source, Stream

DIGITS_PER_SECOND: Final = 1000.0
WINES_PER_SECOND: Final = 100.0
NEW_SPLIT: Final = {"1": 50, "2": 50}

console = Console()


def main() -> int:
    """Run the demo; 1 where a step failed."""
    parser = argparse.ArgumentParser(description="Two versions of a digit classifier in one streaming job.")
    parser.add_argument("--seconds", type=float, default=6.0, help="traffic before and after the change")
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the artifacts go")
    arguments = parser.parse_args()
    models: Path = arguments.models
    try:
        step("Train two classifiers of real handwritten digits, and one of wines")
        command(sys.executable, "-m", "pointsman_examples.train", str(models))
        step("Start Kafka, Flink, the router and a pod")
        if not stack_runs():
            command(pointsman(), "up")
        step("Publish: digits with two versions at 90/10, wine with one")
        command(pointsman(), "apply", str(models / "digits.yaml"), str(models / "wine.yaml"))
        step("Stream the held-out rows, over and over; change the weights on the way")
        asyncio.run(experiment(record.running(home.find()).kafka, arguments.seconds))
    except (PointsmanError, subprocess.CalledProcessError) as error:
        console.print(f"[red]the demo stopped: {error}")
        return 1
    farewell(models)
    return 0


def step(title: str) -> None:
    """Print a heading."""
    console.print(f"\n[bold]{title}")


def command(*words: str) -> None:
    """Show a command and run it; its output goes to the terminal. Raises CalledProcessError."""
    shown = ("python" if words[0] == sys.executable else Path(words[0]).name, *words[1:])
    console.print(f"[dim]$ {shlex.join(shown)}")
    subprocess.run(words, check=True)


def pointsman() -> str:
    """Return the command of this environment, wherever the shell's path points."""
    return str(Path(sys.executable).with_name("pointsman"))


def stack_runs() -> bool:
    """Whether a stack of an earlier demo is up."""
    try:
        console.print(f"a stack is up already: Kafka at {record.running(home.find()).kafka}")
    except PointsmanError:
        return False
    return True


async def experiment(kafka: str, seconds: float) -> None:
    """Stream at the old weights and at the new ones, and print what each version did."""
    ledger = Ledger({"digits": digit, "wine": cultivar})
    async with Client(kafka) as client:
        with progress(2 * seconds, ledger):
            stream = asyncio.create_task(Stream(client, ledger).run(sources(), 2 * seconds))
            await asyncio.wait((stream,), timeout=seconds)
            ack = await client.control({"model": "digits", "split": NEW_SPLIT})
            await stream
    if ack.error is not None:
        console.print(f"[red]the change of weights was refused: {ack.error.message}")
    before = ledger.versions("digits", lambda epoch: epoch < ack.epoch)
    after = ledger.versions("digits", lambda epoch: epoch >= ack.epoch)
    table = Table("model", "weights", "version", "requests", "share", "accuracy", "p50", "p99")
    add_rows(table, "digits", "90/10", before)
    add_rows(table, "digits", "50/50", after)
    add_rows(table, "wine", "100", ledger.versions("wine", lambda epoch: True))
    console.print(table)
    console.print(totals(ledger))
    for reason in sorted(ledger.reasons):
        console.print(f"[red]refused: {reason}")


def digit(prediction: Prediction) -> int:
    """Return the likeliest digit of an answer."""
    return int(prediction.outputs["scores"].argmax())


def cultivar(prediction: Prediction) -> int:
    """Return the cultivar of an answer."""
    return int(prediction.outputs["cultivar"][0])


def sources() -> list[Source]:
    """Return the held-out images as tensors and the held-out wines as flat JSON records."""
    images, wines = data.digits(), data.wine()
    pixels = [
        Labelled({"pixels": row[np.newaxis]}, int(truth))
        for row, truth in zip(images.held_rows, images.held_classes, strict=True)
    ]
    records = [
        Labelled(dict(zip(wine.FEATURES, row.tolist(), strict=True)), int(truth))
        for row, truth in zip(wines.held_rows, wines.held_classes, strict=True)
    ]
    return [Source("digits", pixels, DIGITS_PER_SECOND), Source("wine", records, WINES_PER_SECOND)]
