"""`send`: one request, or many, and the answer to read."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import typer

from pointsman.cli import answers, payload
from pointsman.cli.options import AsJson, Kafka, Name, Timeout, kafka_of
from pointsman.cli.output import Output
from pointsman.client import Client, Inputs, Prediction
from pointsman.client.catalogue import read_catalogue
from pointsman.core.table import RouteTable
from pointsman.errors import SettingsError


def send(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    file: Annotated[str, typer.Argument(help=".json, .npy, .npz, .png or .jpg; - for standard input.")] = "",
    text: Annotated[str, typer.Option("--body", "-b", help="A JSON body instead of a file.")] = "",
    repeats: Annotated[int, typer.Option("-n", min=1, help="Send it so many times.")] = 1,
    version: Annotated[str, typer.Option(help="Ask for one version.")] = "",
    label: Annotated[str, typer.Option(help="Ask for a label's version.")] = "",
    unit: Annotated[str, typer.Option(help="User, device or session: keeps to one version.")] = "",
    brightest: Annotated[float, typer.Option("--brightest", help="An image's white as a number.")] = 1.0,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Somebody waits: pass by the stream, or be refused.")
    ] = False,
    timeout: Timeout = 10.0,
    kafka: Kafka = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Send a request to a model and print its answer."""
    if bool(file) == bool(text):
        raise SettingsError("give a FILE, - for standard input, or a JSON body with --body")
    servers = kafka_of(kafka, name)
    signature = payload.signature_of(read_catalogue(servers).get(model, RouteTable(model)), version)
    inputs = payload.read(file, text, signature, brightest)
    job = _Job(model, inputs, repeats, version or None, label or None, unit or None, timeout, interactive)
    began = time.monotonic()
    found = asyncio.run(job.run(servers))
    times_ms = [(prediction.queued_us + prediction.compute_us) / 1000 for prediction in found]
    seconds = time.monotonic() - began
    answers.show(Output(as_json), found, answers.Pace(seconds, times_ms, "in the servers"))


class _Job:
    """The same request, a number of times."""

    def __init__(
        self, model: str, inputs: Inputs, repeats: int, version: str | None, label: str | None,
        unit: str | None, timeout: float, interactive: bool,
    ) -> None:  # fmt: skip
        self._model, self._inputs, self._repeats = model, inputs, repeats
        self._version, self._label, self._unit, self._timeout = version, label, unit, timeout
        self._interactive = interactive

    async def run(self, kafka: str) -> list[Prediction]:
        """Return the answers, in the order in which they came."""
        async with Client(kafka) as client:
            for _ in range(self._repeats):
                await client.submit(
                    self._model, self._inputs, version=self._version, label=self._label, unit=self._unit,
                    timeout=self._timeout, interactive=self._interactive,
                )  # fmt: skip
            return [prediction async for prediction in client.results(timeout=self._timeout)]
