"""`module`: the job's topology for a cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from pointsman import settings as settings_module
from pointsman.localstack import enginefiles, topics
from pointsman.localstack.module import extended
from pointsman.outputs import has_transactions


def module(
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="An own request topic: TOPIC=FORMAT[:MODEL].")
    ] = None,
    outputs: Annotated[
        list[str] | None, typer.Option("--output", help="A topic that routes may name: TOPIC[:exactly-once].")
    ] = None,
) -> None:
    """Print module.yaml with own topics, for the engine's image; router and init take the same settings."""
    settings = settings_module.load(
        inputs=tuple(inputs) if inputs else None, outputs=tuple(outputs) if outputs else None
    )
    files, _ = enginefiles.locate()
    own = tuple(topics.input_topic(text) for text in settings.inputs)
    typer.echo(
        extended(files.module.read_text(), own, transactions=has_transactions(settings.outputs)), nl=False
    )
