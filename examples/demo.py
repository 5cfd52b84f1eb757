"""The demo: from nothing to an experiment between two versions of a model, on real handwritten digits.

`make demo`, or `python examples/demo.py`. It leaves the stack up; `pointsman down` stops it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from pointsman.client import Ack, Client, Prediction
from pointsman.errors import PointsmanError, Refused
from pointsman.localstack import home, record
from pointsman_examples import data, wine
from pointsman_examples.ledger import Ledger, Tally
from pointsman_examples.stream import Labelled, Source, Stream

DIGITS_PER_SECOND: Final = 1000.0
WINES_PER_SECOND: Final = 100.0
NEW_SPLIT: Final = {"1": 50, "2": 50}
MODELS: Final = Path(os.path.relpath(Path(__file__).with_name("models")))

console = Console()


def main() -> int:
    """Run the demo; 1 where a step failed."""
    parser = argparse.ArgumentParser(description="Two versions of a digit classifier in one streaming job.")
    parser.add_argument("--seconds", type=float, default=6.0, help="traffic before and after the change")
    parser.add_argument("--models", type=Path, default=MODELS, help="where the artifacts go")
    arguments = parser.parse_args()
    models: Path = arguments.models
    try:
        step("Train two classifiers of real handwritten digits, and one of wines")
        if (models / "digits.yaml").exists():  # written last
            console.print(f"trained already: {models}")
        else:
            command(sys.executable, "-m", "pointsman_examples.train", str(models))
        step("Start Kafka, Flink, the router and a pod")
        if not stack_runs():
            command(pointsman(), "up")
        step("Publish: digits with two versions at 90/10, wine with one")
        command(pointsman(), "apply", str(models / "digits.yaml"), str(models / "wine.yaml"))
        step("Stream the held-out rows, over and over; change the weights on the way")
        asyncio.run(experiment(record.running(home.find()).kafka, arguments.seconds))
    except subprocess.CalledProcessError:
        return 1  # the command has said why
    except PointsmanError as error:
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
        stream = asyncio.create_task(Stream(client, ledger).run(sources(), 2 * seconds))
        change = asyncio.create_task(change_weights(client, seconds))
        await watch(stream, ledger, 2 * seconds)
        ack = await change
        await stream
    table = Table("model", "weights", "version", "requests", "share", "accuracy", "p50 ms", "p99 ms")
    add_rows(table, "digits", "90/10", ledger.versions("digits", lambda epoch: epoch < ack.epoch))
    add_rows(table, "digits", "50/50", ledger.versions("digits", lambda epoch: epoch >= ack.epoch))
    add_rows(table, "wine", "100", ledger.versions("wine", lambda epoch: True))
    console.print(table)
    print_totals(ledger)


async def change_weights(client: Client, delay: float) -> Ack:
    """Change the weights on the control topic after `delay` seconds. Raises Refused."""
    await asyncio.sleep(delay)
    ack = await client.control({"model": "digits", "split": NEW_SPLIT}, timeout=30.0)
    if ack.error is not None:
        raise Refused(ack.error)
    console.print(f"control topic: digits split to 50/50, epoch {ack.epoch}")
    return ack


async def watch(stream: asyncio.Task[None], ledger: Ledger, seconds: float) -> None:
    """Show how far the stream is until it ends."""
    began = time.monotonic()
    counts = TextColumn("{task.fields[sent]:,} sent, {task.fields[under_way]:,} under way")
    with Progress(TextColumn("streaming"), BarColumn(), counts, console=console) as progress:
        bar = progress.add_task("", total=seconds, sent=0, under_way=0)
        while not stream.done():
            await asyncio.wait((stream,), timeout=0.1)
            passed = min(seconds, time.monotonic() - began)
            sent = sum(ledger.sent.values())
            progress.update(bar, completed=passed, sent=sent, under_way=ledger.under_way)


def add_rows(table: Table, model: str, weights: str, versions: dict[str, Tally]) -> None:
    """Add a row for each version that answered."""
    everyone = sum(tally.answers for tally in versions.values())
    for version, tally in versions.items():
        table.add_row(
            model,
            weights,
            version,
            f"{tally.answers:,}",
            f"{tally.answers / everyone:.1%}",
            f"{tally.accuracy:.1%}",
            f"{tally.quantile_ms(0.5):.1f}",
            f"{tally.quantile_ms(0.99):.1f}",
        )


def print_totals(ledger: Ledger) -> None:
    """Print what became of all requests, and why some were refused."""
    table = Table("model", "sent", "answered", "refused", "lost")
    for model, sent in ledger.sent.items():
        counts = (sent, ledger.answered(model), ledger.refused[model], ledger.lost(model))
        table.add_row(model, *(f"{count:,}" for count in counts))
    console.print(table)
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


def farewell(models: Path) -> None:
    """Print what to try next."""
    step("The stack is up. Copy a line:")
    if shutil.which("pointsman") is None:
        console.print(f"[dim]first, once:[/dim]      source {shlex.quote(activation())}", highlight=False)
    image, file = (shlex.quote(str(models / name)) for name in ("digit-3.png", "digits.yaml"))
    lines = {
        "send my image": f"pointsman send digits {image} --brightest 16",
        "apply my model": f"pointsman apply {file}",
        "use my topic": "pointsman down && pointsman up --input wines=json:wine",
        "change weights": "pointsman split digits 1=20 2=80",
        "start my own pod": "pointsman new pod churn && cd churn && pointsman pod churn:Churn --pool churn",
        "look at it": "pointsman status && pointsman get digits",
    }
    for what, line in lines.items():
        console.print(f"[dim]{what:<17}[/dim] {line}", soft_wrap=True, highlight=False)


def activation() -> str:
    """Return the script that puts this environment on the shell's path."""
    return os.path.relpath(Path(sys.executable).with_name("activate"))


if __name__ == "__main__":
    sys.exit(main())
