"""`module`: the job's topology for a cluster."""

from __future__ import annotations

import typer

from pointsman import settings as settings_module
from pointsman.cli.options import Inputs, Outputs
from pointsman.localstack import enginefiles, topics
from pointsman.localstack.module import extended
from pointsman.outputs import has_transactions


def module(inputs: Inputs = None, outputs: Outputs = None) -> None:
    """Print module.yaml with own topics, for the engine's image; router and init take the same settings."""
    settings = settings_module.load(
        inputs=tuple(inputs) if inputs else None, outputs=tuple(outputs) if outputs else None
    )
    files, _ = enginefiles.locate()
    own = tuple(topics.input_topic(text) for text in settings.inputs)
    typer.echo(
        extended(files.module.read_text(), own, transactions=has_transactions(settings.outputs)), nl=False
    )
